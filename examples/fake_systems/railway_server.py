"""Serves the fake railway over HTTP: `python -m examples.fake_systems.railway_server --book FILE`."""

import argparse
from datetime import timedelta
from pathlib import Path

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from examples.fake_systems.railway import Railway
from examples.fake_systems.railway_book import BookedRailway
from examples.fake_systems.server import answer_railway_refusals, railway_routes, stocked
from examples.fake_systems.server_process import create_parser, serve
from store.database.store import utc_now


class Train(BaseModel):
    """The coaches of a departure, and the seats of each."""

    coaches: int
    seats_per_coach: int


def departure_routes(railway: Railway) -> APIRouter:
    """Return the route by which the railway's own staff adds departures."""
    router = APIRouter()

    @router.put("/departures/{service}", status_code=204)
    def put(service: str, body: Train) -> None:
        railway.put(service, body.coaches, body.seats_per_coach)

    return router


def create_railway_app(railway: Railway) -> FastAPI:
    """Return the railway as an application."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(railway_routes(railway))
    app.include_router(departure_routes(railway))
    answer_railway_refusals(app)
    return app


def _railway(arguments: argparse.Namespace) -> Railway:
    railway = BookedRailway(arguments.book) if arguments.book else Railway()
    ahead = timedelta(seconds=arguments.clock_ahead)
    railway.now = lambda: utc_now() + ahead
    railway.longest = timedelta(seconds=arguments.longest) if arguments.longest else None
    return stocked(arguments.catalogue, railway).railway if arguments.catalogue else railway


if __name__ == "__main__":
    parser = create_parser(__doc__, port=9101)
    parser.add_argument("--catalogue", type=Path, help="a catalogue file, whose departures and capacities it has")
    parser.add_argument("--longest", type=int, help="how long a hold lasts at most, in seconds by its own clock")
    chosen = parser.parse_args()
    serve(create_railway_app(_railway(chosen)), chosen)
