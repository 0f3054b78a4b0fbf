"""Seats and units of stock reserved for an order, as their provider reported them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import bindparam, update
from sqlmodel import Session

from domain.orders import ReservationState
from store.database.inserts import insert_all, table_of
from store.tables import LineRow, OrderRow, ReservationRow

_SEATS, _LINES = table_of(ReservationRow), table_of(LineRow)
_ORDER = bindparam("order", type_=sa.String())
_COUNT = sa.select(sa.func.count()).select_from(_SEATS).where(_SEATS.c.order_number == _ORDER)
_COLUMNS = sa.select(*_SEATS.c["id", "reference", "state", "service", "coach", "seat"]).order_by(_SEATS.c.number)
_RESERVED = _COLUMNS.where(_SEATS.c.order_number == _ORDER, _SEATS.c.state != ReservationState.RELEASED)
_HELD = _COLUMNS.where(_SEATS.c.order_number == _ORDER, _SEATS.c.state == ReservationState.HELD)
_UNDER_KEY = _COLUMNS.where(_SEATS.c.key == bindparam("of_key"), _SEATS.c.state == ReservationState.HELD)
_OF_LINES = sa.select(_LINES.c.seats, _LINES.c.units).where(_LINES.c.order_number == _ORDER, _LINES.c.undone.is_(False))
_LIVE = _OF_LINES.where(_LINES.c.removed_by.is_(None))
_REMOVED = _OF_LINES.where(_LINES.c.removed_by == bindparam("by"))
_SET = update(_SEATS).where(_SEATS.c.id.in_(bindparam("ids", expanding=True)))


class KeptReservation(NamedTuple):
    """A seat reserved for an order."""

    id: str
    reference: str
    state: str
    service: str
    coach: int
    seat: int


class Held(Protocol):
    """A held seat as its provider reports it."""

    @property
    def reference(self) -> str:
        """The provider's reference of the hold."""

    @property
    def service(self) -> str:
        """The departure."""

    @property
    def coach(self) -> int:
        """The coach."""

    @property
    def seat(self) -> int:
        """The seat in the coach."""


def record_held(tx: Session, order: OrderRow, client: str, key: str, seats: Sequence[Held], until: datetime) -> None:
    """Record seats held for a client under a step key, in the order of the plan's seat wishes."""
    first = tx.connection().execute(_COUNT, {"order": order.number}).scalar_one() + 1
    rows = [
        {
            "tenant": order.tenant,
            "order_number": order.number,
            "id": f"{order.number}-s{number}",
            "number": number,
            "client": client,
            "key": key,
            "reference": seat.reference,
            "service": seat.service,
            "coach": seat.coach,
            "seat": seat.seat,
            "state": ReservationState.HELD,
            "expires_at": until,
        }
        for number, seat in enumerate(seats, start=first)
    ]
    insert_all(tx, ReservationRow, rows)


def under_key(tx: Session, key: str) -> list[KeptReservation]:
    """Return the seats a step holds, in the order in which they were held."""
    return _kept(tx, _UNDER_KEY, {"of_key": key})


def still_held(tx: Session, order: str) -> list[KeptReservation]:
    """Return the held seats of an order that are not confirmed."""
    return _kept(tx, _HELD, {"order": order})


def record_released(tx: Session, rows: Iterable[KeptReservation]) -> None:
    """Record that seats are released."""
    _set(tx, [row.id for row in rows], state=ReservationState.RELEASED, expires_at=None)


def record_confirmed(tx: Session, rows: Iterable[KeptReservation]) -> None:
    """Record that seats are confirmed."""
    _set(tx, [row.id for row in rows], state=ReservationState.CONFIRMED, expires_at=None)


def set_expiry(tx: Session, rows: Iterable[KeptReservation], until: datetime) -> None:
    """Record the time at which holds expire."""
    _set(tx, [row.id for row in rows], expires_at=until)


def at_confirmation(tx: Session, order: str) -> tuple[list[KeptReservation], list[KeptReservation]]:
    """Return the seats of live lines, and the other seats that the order still has."""
    in_use, reserved = _seats_of(tx, _LIVE, {"order": order}), _kept(tx, _RESERVED, {"order": order})
    return [row for row in reserved if row.id in in_use], [row for row in reserved if row.id not in in_use]


def replaced_held_seats(tx: Session, order: str, change: str) -> list[KeptReservation]:
    """Return the held seats of lines that a change removed and that no live line uses.

    Confirmed seats are not among them: they belong to the confirmed version until the draft is confirmed.
    """
    removed = _seats_of(tx, _REMOVED, {"order": order, "by": change})
    if not removed:
        return []
    unused = removed - _seats_of(tx, _LIVE, {"order": order})
    return [row for row in still_held(tx, order) if row.id in unused]


def _kept(tx: Session, query: sa.Select[Any], parameters: Mapping[str, str]) -> list[KeptReservation]:
    return [KeptReservation(*row) for row in tx.connection().execute(query, parameters)]


def _seats_of(tx: Session, query: sa.Select[Any], parameters: Mapping[str, str]) -> set[str]:
    reserved: set[str] = set()
    for seats, units in tx.connection().execute(query, parameters):
        reserved.update(each["reservation"] for each in from_json(seats))
        reserved.update(from_json(units))
    return reserved


def _set(tx: Session, ids: list[str], **values: object) -> None:
    if ids:
        tx.connection().execute(_SET, values | {"ids": ids})
