"""Loads a catalogue file into the embedded catalogue and inventory."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from domain.products import Product, Supplement
from providers.embedded.catalogue_file import Catalogue, Loaded, Timetable
from store.database.inserts import insert_all, insert_if_absent
from store.database.store import Store
from store.tables import ProductRow, SeatRow, ServiceRow, SupplementRow


def load_catalogue(store: Store, tenant: str, catalogue: Catalogue, first_day: date) -> int:
    """Load products, supplements, and the timetables from a day on; return how many departures are new.

    Existing products and supplements are updated. Departures and their seats are only added, never removed. Raises
    CatalogueFaultsError with every fault before anything is written.
    """
    with store.write() as tx:
        catalogue.check(_loaded(tx, tenant))
        for product in catalogue.products.values():
            text = product.model_dump_json()
            tx.merge(ProductRow(tenant=tenant, id=product.id, railway_line=product.railway_line, document=text))
        for supplement in catalogue.supplements.values():
            tx.merge(SupplementRow(tenant=tenant, id=supplement.id, document=supplement.model_dump_json()))
        return sum(
            _add(tx, service, table)
            for table in catalogue.timetables.values()
            for service in _services(tenant, table, first_day)
        )


def _loaded(tx: Session, tenant: str) -> Loaded:
    products = tx.exec(select(ProductRow.document).where(ProductRow.tenant == tenant))
    supplements = tx.exec(select(SupplementRow.document).where(SupplementRow.tenant == tenant))
    lines = tx.exec(select(ServiceRow.railway_line).where(ServiceRow.tenant == tenant).distinct())
    return Loaded(
        products=tuple(Product.model_validate_json(text) for text in products),
        supplements=tuple(Supplement.model_validate_json(text) for text in supplements),
        railway_lines=frozenset(lines),
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
