"""Seats kept for an order, as the seat provider told us."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from domain.orders import ReservationState
from store.inserts import insert_all, table_of
from store.orders import lines_of, reservations_of
from store.tables import OrderRow, ReservationRow

_SEATS = table_of(ReservationRow)


class Held(Protocol):
    """A seat as its provider names it."""

    @property
    def reference(self) -> str:
        """The provider's name for the hold."""

    @property
    def service(self) -> str:
        """The departure."""

    @property
    def coach(self) -> int:
        """The coach."""

    @property
    def seat(self) -> int:
        """The seat in the coach."""


def held(tx: Session, order: OrderRow, key: str, seats: Sequence[Held], until: datetime) -> None:
    """Enter seats held under a step's key, in the order the plan wished for them."""
    query = select(func.count()).select_from(ReservationRow).where(ReservationRow.order_number == order.number)
    first = tx.exec(query).one() + 1
    rows = [
        ReservationRow(
            tenant=order.tenant,
            order_number=order.number,
            id=f"{order.number}-s{number}",
            number=number,
            key=key,
            reference=seat.reference,
            service=seat.service,
            coach=seat.coach,
            seat=seat.seat,
            state=ReservationState.HELD,
            expires_at=until,
        )
        for number, seat in enumerate(seats, start=first)
    ]
    insert_all(tx, rows)


def under_key(tx: Session, key: str) -> list[ReservationRow]:
    """Return the seats a step holds, in the order it got them."""
    query = select(ReservationRow).where(ReservationRow.key == key, ReservationRow.state == ReservationState.HELD)
    return list(tx.exec(query.order_by(col(ReservationRow.number))))


def still_held(tx: Session, order: str) -> list[ReservationRow]:
    """Return the seats an order holds without having them for good."""
    return [row for row in reservations_of(tx, order) if row.state == ReservationState.HELD]


def released(tx: Session, rows: Iterable[ReservationRow]) -> None:
    """Enter that seats are not ours any more."""
    _set(tx, [row.id for row in rows], state=ReservationState.RELEASED, expires_at=None)


def confirmed(tx: Session, rows: Iterable[ReservationRow]) -> None:
    """Enter that seats are ours for good."""
    _set(tx, [row.id for row in rows], state=ReservationState.CONFIRMED, expires_at=None)


def last_until(tx: Session, rows: Iterable[ReservationRow], until: datetime) -> None:
    """Enter that holds last until a time."""
    _set(tx, [row.id for row in rows], expires_at=until)


def at_confirmation(tx: Session, order: str) -> tuple[list[ReservationRow], list[ReservationRow]]:
    """Return the seats of live lines, and every other seat the order still has."""
    in_use = {seat for line in lines_of(tx, order) if line.removed_by is None for seat in json.loads(line.reservations)}
    ours = [row for row in reservations_of(tx, order) if row.state != ReservationState.RELEASED]
    return [row for row in ours if row.id in in_use], [row for row in ours if row.id not in in_use]


def superseded(tx: Session, order: str, change: str) -> list[ReservationRow]:
    """Return held seats of lines a change removed that no live line uses.

    Confirmed seats are not among them: they stay with the confirmed version until the draft is confirmed.
    """
    lines = lines_of(tx, order)
    in_use = {seat for line in lines if line.removed_by is None for seat in json.loads(line.reservations)}
    left = {seat for line in lines if line.removed_by == change for seat in json.loads(line.reservations)}
    return [row for row in still_held(tx, order) if row.id in left - in_use]


def _set(tx: Session, ids: list[str], **values: object) -> None:
    if ids:
        tx.connection().execute(update(_SEATS).where(_SEATS.c.id.in_(ids)).values(values))
