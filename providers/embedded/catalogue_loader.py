"""Loads a catalogue file into the embedded catalogue and seat inventory."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from domain.model import Code, Model, Number
from domain.products import Product, Supplement
from store.database.inserts import insert_all, insert_if_absent
from store.database.store import Store
from store.tables import ProductRow, SeatRow, ServiceRow, SupplementRow


class Departure(Model):
    """A train that runs every day."""

    number: Code
    leaves: time
    """Local time."""


class Timetable(Model):
    """The daily departures of a railway line, and the seats on each."""

    railway_line: Code
    time_zone: str
    days: Number
    departures: tuple[Departure, ...]
    coaches: Number
    seats_per_coach: Number
    seats_per_row: Number


class Catalogue(Model):
    """The contents of a catalogue file."""

    products: tuple[Product, ...]
    supplements: tuple[Supplement, ...]
    timetables: tuple[Timetable, ...]


def load_catalogue(store: Store, tenant: str, catalogue: Catalogue, first_day: date) -> int:
    """Load products, supplements, and the timetables from a day on; return how many departures are new.

    Existing products and supplements are updated. Departures and their seats are only added, never removed.
    """
    with store.write() as tx:
        for product in catalogue.products:
            text = product.model_dump_json()
            tx.merge(ProductRow(tenant=tenant, id=product.id, railway_line=product.railway_line, document=text))
        for supplement in catalogue.supplements:
            tx.merge(SupplementRow(tenant=tenant, id=supplement.id, document=supplement.model_dump_json()))
        return sum(
            _add(tx, service, table)
            for table in catalogue.timetables
            for service in _services(tenant, table, first_day)
        )


def _services(tenant: str, table: Timetable, first_day: date) -> Iterator[ServiceRow]:
    zone = ZoneInfo(table.time_zone)
    for day in (first_day + timedelta(days=number) for number in range(table.days)):
        for departure in table.departures:
            yield ServiceRow(
                tenant=tenant,
                id=f"{departure.number}-{day.isoformat()}",
                railway_line=table.railway_line,
                departs_at=datetime.combine(day, departure.leaves, zone),
                day=day,
            )


def _add(tx: Session, service: ServiceRow, table: Timetable) -> bool:
    added = insert_if_absent(tx, service)
    if added:
        insert_all(tx, SeatRow, list(_seats(service, table)))
    return added


def _seats(service: ServiceRow, table: Timetable) -> Iterator[dict[str, Any]]:
    for coach in range(1, table.coaches + 1):
        for seat in range(1, table.seats_per_coach + 1):
            position = (seat - 1) % table.seats_per_row
            window = position in (0, table.seats_per_row - 1)
            yield {
                "tenant": service.tenant,
                "service": service.id,
                "coach": coach,
                "seat": seat,
                "row": (seat - 1) // table.seats_per_row,
                "attributes": '["window"]' if window else '["aisle"]',
            }
