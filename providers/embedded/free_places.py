"""What is free in the embedded inventory, found by one statement for a whole search."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BindParameter, ColumnElement, bindparam, func, literal
from sqlmodel import Session

from providers.embedded.hold_statements import is_live
from providers.embedded.seat_holds import ON_SEAT
from providers.embedded.stock_holds import AT_PLACES, capacities_in, of_places, place_of
from providers.protocols import HoldRequest, SeatRequest, StockRequest
from store.database.inserts import table_of
from store.tables import ProductRow, SeatHoldRow, SeatRow, ServiceRow, StockHoldRow, SupplementRow

_SERVICES, _SEATS = table_of(ServiceRow), table_of(SeatRow)
_SEAT_HOLDS, _STOCK_HOLDS = table_of(SeatHoldRow), table_of(StockHoldRow)
_TENANT: BindParameter[str] = bindparam("of_tenant")
_SEATS_FREE, _UNITS_TAKEN, _ITEM = "seats", "units", "item"


def count_free(
    tx: Session, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str], now: datetime
) -> list[int | None]:
    """Return for each request how many seats or units are free; None for an unknown service or item."""
    seats = sorted({each.service for each in requests if isinstance(each, SeatRequest)})
    stock = [each for each in requests if isinstance(each, StockRequest)]
    if not requests:
        return []
    parameters = of_places(tenant, stock) | {"own": list(own), "now": now, "services": seats}
    rows = tx.connection().execute(_statement(seats=bool(seats), stock=bool(stock)), parameters).all()
    on_services = {name: count for kind, name, _, count, _ in rows if kind == _SEATS_FREE}
    taken = {(item, place): count for kind, item, place, count, _ in rows if kind == _UNITS_TAKEN}
    capacities = capacities_in((item, document) for kind, item, _, _, document in rows if kind == _ITEM)

    def free(request: HoldRequest) -> int | None:
        if isinstance(request, SeatRequest):
            return on_services.get(request.service)
        capacity = capacities.get(request.item)
        return None if capacity is None else max(0, capacity - taken.get(place_of(request), 0))

    return [free(each) for each in requests]


@cache
def _statement(*, seats: bool, stock: bool) -> sa.CompoundSelect[Any]:
    parts = [_free_seats()] if seats else []
    parts += [_taken_units(), _documents(ProductRow), _documents(SupplementRow)] if stock else []
    return sa.union_all(*parts)


def _free_seats() -> sa.Select[Any]:
    """Return the query for the free seats of services; a service whose seats are elsewhere has no row."""
    seat = (_SEATS.c.tenant == _SERVICES.c.tenant) & (_SEATS.c.service == _SERVICES.c.id)
    joined = _SERVICES.outerjoin(_SEATS, seat).outerjoin(_SEAT_HOLDS, ON_SEAT & _counts(_SEAT_HOLDS))
    count = func.count(_SEATS.c.seat) - func.count(_SEAT_HOLDS.c.key)
    query = sa.select(literal(_SEATS_FREE), _SERVICES.c.id, literal(""), count, literal("")).select_from(joined)
    named = _SERVICES.c.id.in_(bindparam("services", expanding=True))
    return query.where(_SERVICES.c.tenant == _TENANT, named).group_by(_SERVICES.c.id)


def _taken_units() -> sa.Select[Any]:
    item, place = _STOCK_HOLDS.c.item, _STOCK_HOLDS.c.place
    query = sa.select(literal(_UNITS_TAKEN), item, place, func.count(), literal(""))
    return query.where(_STOCK_HOLDS.c.tenant == _TENANT, AT_PLACES, _counts(_STOCK_HOLDS)).group_by(item, place)


def _documents(row: type[ProductRow | SupplementRow]) -> sa.Select[Any]:
    table = table_of(row)
    query = sa.select(literal(_ITEM), table.c.id, literal(""), literal(0), table.c.document)
    return query.where(table.c.tenant == _TENANT, table.c.id.in_(bindparam("items", expanding=True)))


def _counts(holds: sa.Table) -> ColumnElement[bool]:
    """Return the condition for a hold that takes its place: live, and not one of the order's own."""
    return is_live(holds) & holds.c.reference.not_in(bindparam("own", expanding=True))
