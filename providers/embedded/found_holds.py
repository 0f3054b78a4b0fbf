"""What the embedded inventory knows of a key: its rows, or what our own tables say of a key without rows."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlmodel import Session

from providers.embedded.hold_statements import is_live, number_of
from providers.protocols import FoundHold, Held, HeldSeat, HeldUnit, HoldState
from store.database.inserts import table_of
from store.tables import ReservationRow, SeatHoldRow, ServiceRow, StepRecordRow, StockHoldRow

_SEATS, _STOCK, _SERVICES = table_of(SeatHoldRow), table_of(StockHoldRow), table_of(ServiceRow)
_RESERVATIONS, _RECORDS = table_of(ReservationRow), table_of(StepRecordRow)
_KEY: sa.BindParameter[str] = bindparam("of_key")
_TENANT: sa.BindParameter[str] = bindparam("of_tenant")


def _of_key(holds: sa.Table, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    common = (holds.c.reference, holds.c.state, holds.c.expires_at)
    return sa.select(*common, *columns).where(holds.c.tenant == _TENANT, holds.c.key == _KEY, is_live(holds))


_SEATS_OF_KEY = _of_key(_SEATS, _SEATS.c.service, _SEATS.c.coach, _SEATS.c.seat)
_ON_SERVICE = sa.select(_SERVICES.c.id).where(_SERVICES.c.tenant == _STOCK.c.tenant, _SERVICES.c.id == _STOCK.c.place)
_UNITS_OF_KEY = _of_key(_STOCK, _STOCK.c.item, _STOCK.c.place, _ON_SERVICE.exists())
_USED = sa.union_all(
    sa.select(_RESERVATIONS.c.key).where(_RESERVATIONS.c.key == _KEY),
    sa.select(_RECORDS.c.key).where(_RECORDS.c.key == _KEY, _RECORDS.c.state.in_(["withdrawing", "withdrawn"])),
)


def find_hold(tx: Session, tenant: str, key: str, now: datetime) -> FoundHold:
    """Return what is held or sold under a key at a time."""
    parameters = {"of_tenant": tenant, "of_key": key, "now": now}
    found = sorted(_found(tx, parameters), key=lambda each: number_of(each[0].reference))
    if found:
        is_sold = all(state == "confirmed" for _, state in found)
        return FoundHold(HoldState.SOLD if is_sold else HoldState.HELD, tuple(held for held, _ in found))
    was_used = tx.connection().execute(_USED, {"of_key": key}).first() is not None
    return FoundHold(HoldState.GIVEN_BACK if was_used else HoldState.NOTHING)


def _found(tx: Session, parameters: dict[str, Any]) -> Iterator[tuple[Held, str]]:
    """Yield each seat and unit with the state of its row."""
    execute = tx.connection().execute
    for reference, state, until, service, coach, seat in execute(_SEATS_OF_KEY, parameters):
        yield HeldSeat(reference, service, coach, seat, until), state
    for reference, state, until, item, place, on_service in execute(_UNITS_OF_KEY, parameters):
        day = None if on_service else date.fromisoformat(place)
        yield HeldUnit(reference, item, place if on_service else None, day, until), state
