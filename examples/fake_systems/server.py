"""Serves the fake bank, railway and shop over HTTP: `python -m examples.fake_systems.server`."""

import argparse
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from domain.offers import Service
from domain.products import Product, Supplement
from domain.settlement import Move
from examples.fake_systems.bank import Bank, BankRefusalError, NotPossibleError
from examples.fake_systems.railway import Hold, Railway, RailwayRefusalError, Seats, Units
from providers.embedded.catalogue_file import Loaded, read_catalogue
from store.database.store import utc_now
from telemetry.loopback import HOST, listening_socket

DEMO = Path(__file__).parents[2] / "cli" / "catalogues" / "demo.json"


@dataclass
class FakeSystems:
    """The fake external systems."""

    bank: Bank = field(default_factory=Bank)
    railway: Railway = field(default_factory=Railway)
    catalogue: dict[str, Any] = field(default_factory=dict)


class Authorisation(BaseModel):
    """A payment to authorise; `minor` is the amount in minor units."""

    minor: int
    currency: str
    method: str
    token: str


class Settlement(BaseModel):
    """Moves to make, all or none."""

    moves: list[Move]


class Requested(BaseModel):
    """Seats requested on one departure; with an item, units of it on a departure or a day."""

    item: str | None = None
    service: str | None = None
    day: str | None = None
    count: int
    names: list[str] = []

    def read(self) -> Seats | Units:
        """Return the railway's own form."""
        if self.item:
            return Units(self.item, self.service, self.day, self.count)
        return Seats(self.service or "", self.count, self.names)


class HoldIn(BaseModel):
    """What to hold."""

    requests: list[Requested]
    until: datetime


class Question(BaseModel):
    """What might be held, to ask how much of it is free; own references count as free."""

    requests: list[Requested]
    own: list[str]


class References(BaseModel):
    """Seats and units by reference."""

    references: list[str]
    until: datetime | None = None


class Sale(BaseModel):
    """What to sell, and what to release with the sale."""

    taken: list[str]
    given_up: list[str]


def bank_routes(bank: Bank) -> APIRouter:
    """Return the bank's API: 201 or 204 for done, 422 for refused, 400 for impossible."""
    router = APIRouter(prefix="/merchants/{merchant}")

    @router.put("/authorisations/{key:path}", status_code=201)
    def authorise(key: str, body: Authorisation) -> dict[str, str]:
        return {"reference": bank.authorise(key, body.minor, body.currency, body.token)}

    @router.delete("/authorisations/{key:path}", status_code=204)
    def void(key: str) -> None:
        bank.void(key)

    @router.put("/settlements/{key:path}", status_code=204)
    def settle(key: str, body: Settlement) -> None:
        bank.settle(key, body.moves)

    @router.get("/accounts")
    def accounts() -> dict[str, dict[str, int | str | bool]]:
        names = ("currency", "minor", "captured", "refunded", "voided")
        return {key: {name: getattr(each, name) for name in names} for key, each in bank.accounts.items()}

    return router


def railway_routes(railway: Railway) -> APIRouter:
    """Return the railway's API: 201 or 204 for done, 409 for refused."""
    router = APIRouter(prefix="/tenants/{tenant}")

    @router.put("/holds/{key:path}", status_code=201)
    def hold(key: str, body: HoldIn) -> dict[str, list[dict[str, Any]]]:
        held = railway.hold(key, [each.read() for each in body.requests], body.until)
        requested = [each for each in body.requests for _ in each.names or range(each.count)]
        return {"held": [_held(each, for_) for each, for_ in zip(held, requested, strict=True)]}

    @router.delete("/holds/{key:path}", status_code=204)
    def release(key: str) -> None:
        railway.release(key)

    @router.post("/returns", status_code=204)
    def release_references(body: References) -> None:
        railway.release_references(body.references)

    @router.post("/extensions", status_code=204)
    def extend(body: References) -> None:
        railway.extend(body.references, body.until or utc_now())

    @router.post("/availability", status_code=201)
    def free(body: Question) -> dict[str, list[int | None]]:
        return {"free": railway.free([each.read() for each in body.requests], body.own)}

    @router.put("/sales/{key:path}", status_code=204)
    def sell(key: str, body: Sale) -> None:  # noqa: ARG001 - selling the same seats again changes nothing
        railway.sell(body.taken, body.given_up)

    return router


def _held(hold: Hold, requested: Requested) -> dict[str, Any]:
    if requested.item:
        return {"reference": hold.reference, "item": requested.item, "service": requested.service, "day": requested.day}
    return {"reference": hold.reference, **dict(zip(("service", "coach", "seat"), hold.place, strict=True))}


def _refused_by_railway(error: RailwayRefusalError) -> Response:
    members = asdict(error.refused) if error.refused else {}
    return JSONResponse({"error": str(error), **members}, 409)


def create_app(systems: FakeSystems) -> FastAPI:
    """Return all fake systems as one application."""
    app = FastAPI()
    app.include_router(bank_routes(systems.bank))
    app.include_router(railway_routes(systems.railway))
    app.add_api_route("/tenants/{tenant}/catalogue", lambda: JSONResponse(systems.catalogue))

    def refused(status: int, code: str) -> Response:
        return JSONResponse({"error": code}, status)

    @app.exception_handler(BankRefusalError)
    def refused_by_bank(_request: Request, error: BankRefusalError) -> Response:
        return JSONResponse({"error": str(error), "payment": error.payment}, 422)

    # The errors of the fake bank and railway, as real ones would answer.
    app.add_exception_handler(RailwayRefusalError, lambda _request, error: _refused_by_railway(error))
    app.add_exception_handler(NotPossibleError, lambda _request, _error: refused(400, "not_possible"))

    @app.exception_handler(Exception)
    def broken(_request: Request, _error: Exception) -> Response:
        return refused(500, "broken")

    return app


def stocked(path: Path = DEMO) -> FakeSystems:
    """Return the systems with the products of a catalogue file; its timetables begin tomorrow."""
    catalogue, systems, today = read_catalogue(path.read_bytes()), FakeSystems(), utc_now().date()
    catalogue.check(Loaded())
    services = []
    for table in catalogue.timetables.values():
        for day in (today + timedelta(days=number + 1) for number in range(table.days)):
            for departure in table.departures:
                departs = datetime.combine(day, departure.leaves, ZoneInfo(table.time_zone))
                service = Service(
                    id=f"{departure.number}-{day}", railway_line=table.railway_line, departs_at=departs, day=day
                )
                services.append(service.model_dump(mode="json"))
                systems.railway.put(service.id, table.coaches, table.seats_per_coach)
    items: list[Product | Supplement] = [*catalogue.products.values(), *catalogue.supplements.values()]
    systems.railway.capacities = {each.id: each.capacity for each in items if each.capacity is not None}
    products = [each.model_dump(mode="json") for each in catalogue.products.values()]
    supplements = [each.model_dump(mode="json") for each in catalogue.supplements.values()]
    systems.catalogue = {"products": products, "supplements": supplements, "services": services}
    return systems


@contextmanager
def serving(systems: FakeSystems) -> Iterator[str]:
    """Serve the systems in a thread while the block lasts; yield the address."""
    listening = listening_socket()
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(systems), log_level="critical"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    ready = threading.Event()
    while not server.started and thread.is_alive():
        ready.wait(timeout=0.01)
    try:
        yield f"http://{HOST}:{port}"
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--catalogue", type=Path, default=DEMO)
    arguments = parser.parse_args()
    uvicorn.run(create_app(stocked(arguments.catalogue)), host=HOST, port=arguments.port, log_level="warning")
