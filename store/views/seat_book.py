"""Our side of a comparison with the book of an external inventory: reservations by reference."""

from collections.abc import Collection, Iterator
from datetime import date, datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from domain.orders import ReservationState
from store.changes.step_records import StepState
from store.tables import ChangeRow, LineRow, ReservationRow, StepRecordRow

Place = tuple[str | None, str | None, date | None, int | None, int | None]
"""The item, service and day of a unit; or the service, coach and seat of a seat."""


class Reserved(NamedTuple):
    """What an order of ours has."""

    order: str
    id: str
    state: str
    place: Place
    expires_at: datetime | None


def reserved(tx: Session, tenant: str, references: Collection[str] | None = None) -> dict[str, Reserved]:
    """Return a tenant's held and sold places by reference: those with some references, or all."""
    query = select(ReservationRow).where(
        ReservationRow.tenant == tenant, col(ReservationRow.state) != ReservationState.RELEASED
    )
    if references is not None:
        query = query.where(col(ReservationRow.reference).in_(references))
    return {row.reference: _reserved(row) for row in tx.exec(query)}


def _reserved(row: ReservationRow) -> Reserved:
    place = (row.item, row.service, row.day, row.coach, row.seat)
    return Reserved(row.order_number, row.id, row.state, place, row.expires_at)


def unsettled_orders(tx: Session, tenant: str) -> set[str]:
    """Return the orders whose books may legitimately differ: a request, a step or an undo of theirs is under way."""
    steps = select(StepRecordRow.order_number).where(
        StepRecordRow.tenant == tenant, col(StepRecordRow.state).in_([StepState.STARTED, StepState.WITHDRAWING])
    )
    running = select(ChangeRow.order_number).where(
        ChangeRow.tenant == tenant, col(ChangeRow.outcome).is_(None), col(ChangeRow.claimed_at).is_not(None)
    )
    return {*tx.exec(steps).all(), *(order for order in tx.exec(running) if order is not None)}


def is_past(tx: Session, place: Reserved, today: date) -> bool:
    """Whether all lines that have a reservation have ended: then an inventory may have forgotten it."""
    ends = list(_ends(tx, place))
    return bool(ends) and max(ends) < today


def _ends(tx: Session, place: Reserved) -> Iterator[date]:
    of_order = select(LineRow).where(LineRow.order_number == place.order)
    for line in tx.exec(of_order):
        if f'"{place.id}"' in line.seats or f'"{place.id}"' in line.units:
            yield line.last_day or line.first_day
