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
from examples.fake_systems.bank import Bank
from examples.fake_systems.bank_server import answer_bank_refusals, bank_routes
from examples.fake_systems.railway import Hold, Railway, RailwayRefusalError, Seats, Units
from examples.fake_systems.server_process import configure
from examples.fake_systems.shop_server import Shop, shop_routes
from providers.embedded.catalogue_file import Loaded, read_catalogue
from store.database.store import utc_now
from telemetry.loopback import HOST, listening_socket

BOOK_PAGE = 100
DEMO = Path(__file__).parents[2] / "cli" / "catalogues" / "demo.json"


@dataclass
class FakeSystems:
    """The fake external systems."""

    bank: Bank = field(default_factory=Bank)
    railway: Railway = field(default_factory=Railway)
    shop: Shop = field(default_factory=Shop)


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


def railway_routes(railway: Railway) -> APIRouter:
    """Return the railway's API: 200 or 201 with what was done, 202 with what is accepted, 409 for refused."""
    router = APIRouter(prefix="/tenants/{tenant}")
    router.include_router(_book_routes(railway))

    @router.put("/holds/{key:path}", status_code=201)
    def hold(key: str, body: HoldIn) -> dict[str, Any]:
        return {"held": list(map(_held, railway.hold(key, [each.read() for each in body.requests], body.until)))}

    @router.delete("/holds/{key:path}")
    def release(key: str) -> Response:
        return _done_or_accepted(railway.release(key), key, {"released": key})

    @router.post("/returns")
    def release_references(body: References) -> Response:
        done = railway.release_references(body.references)
        return _done_or_accepted(done, body.references, {"released": body.references})

    @router.post("/extensions", status_code=201)
    def extend(body: References) -> dict[str, Any]:
        return {"until": railway.extend(body.references, body.until or utc_now()), "extended": body.references}

    @router.post("/availability")
    def free(body: Question) -> dict[str, list[int | None]]:
        return {"free": railway.free([each.read() for each in body.requests], body.own)}

    @router.put("/sales/{key:path}")
    def sell(key: str, body: Sale) -> Response:
        # Selling the same seats again changes nothing.
        done = railway.sell(body.taken, body.given_up)
        return _done_or_accepted(done, key, {"sale": key, "sold": body.taken, "released": body.given_up})

    return router


def _done_or_accepted(done: bool, what: str | list[str], answer: dict[str, Any]) -> Response:  # noqa: FBT001 - a state
    return JSONResponse(answer, 200) if done else JSONResponse({"accepted": what}, 202)


def _book_routes(railway: Railway) -> APIRouter:
    router = APIRouter()

    @router.get("/holds/{key:path}")
    def find(key: str) -> dict[str, Any]:
        state, held = railway.find(key)
        return {"state": state, "held": list(map(_held, held))}

    @router.get("/bookings")
    def bookings(after: str = "") -> dict[str, Any]:
        page = railway.book(after, BOOK_PAGE)
        booked = [{"key": each.key, "sold": each.until is None, "place": _held(each)} for each in page]
        return {"bookings": booked, "next": page[-1].reference if len(page) == BOOK_PAGE else None}

    return router


def _held(hold: Hold) -> dict[str, Any]:
    held, requested = {"reference": hold.reference, "until": hold.until}, hold.requested
    if isinstance(requested, Units):
        return {**held, "item": requested.item, "service": requested.service, "day": requested.day}
    return {**held, **dict(zip(("service", "coach", "seat"), hold.place, strict=True))}


def answer_railway_refusals(app: FastAPI) -> None:
    """Answer the railway's refusals as a real railway would."""
    app.add_exception_handler(RailwayRefusalError, lambda _request, error: _refused_by_railway(error))


def _refused_by_railway(error: RailwayRefusalError) -> Response:
    members = asdict(error.refused or error.price) if error.refused or error.price else {}  # type: ignore[arg-type] # one is set
    return JSONResponse({"error": str(error), **members}, 409)


def create_app(systems: FakeSystems) -> FastAPI:
    """Return all fake systems as one application."""
    app = FastAPI()
    app.include_router(bank_routes(systems.bank))
    app.include_router(railway_routes(systems.railway))
    app.include_router(shop_routes(systems.shop))

    answer_bank_refusals(app)
    answer_railway_refusals(app)

    @app.exception_handler(Exception)
    def broken(_request: Request, _error: Exception) -> Response:
        return JSONResponse({"error": "broken"}, 500)

    return app


def stocked(path: Path = DEMO, railway: Railway | None = None) -> FakeSystems:
    """Return the systems with the products of a catalogue file; its timetables begin tomorrow."""
    catalogue, today = read_catalogue(path.read_bytes()), utc_now().date()
    systems = FakeSystems(railway=railway or Railway())
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
    systems.shop.catalogue = {"products": products, "supplements": supplements, "services": services}
    return systems


@contextmanager
def serving(systems: FakeSystems) -> Iterator[str]:
    """Serve the systems in a thread while the block lasts; yield the address."""
    listening = listening_socket()
    port = listening.getsockname()[1]
    config = configure(create_app(systems), port, log_level="critical")
    server = uvicorn.Server(config)
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
    app = create_app(stocked(arguments.catalogue))
    uvicorn.Server(configure(app, arguments.port)).run()
