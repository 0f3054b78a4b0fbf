"""Holds on seats in our own database."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlmodel import Session

from providers.embedded.hold_statements import delete_overdue, seat_reference
from providers.embedded.seat_choice import Position, choose_seats
from providers.errors import NoSeatsLeftError, NoSuchSeatError, SeatIsTakenError
from providers.protocols import HeldSeat, SeatRequest
from store.database.inserts import insert_all, table_of
from store.tables import SeatHoldRow, SeatRow

_SEATS, _HOLDS = table_of(SeatRow), table_of(SeatHoldRow)
ON_SEAT = (
    (_HOLDS.c.tenant == _SEATS.c.tenant)
    & (_HOLDS.c.service == _SEATS.c.service)
    & (_HOLDS.c.coach == _SEATS.c.coach)
    & (_HOLDS.c.seat == _SEATS.c.seat)
)
"""The condition for a hold on a seat."""
# Run for every change that holds seats, so each statement is built once.
_UNDER_KEY = sa.select(*_HOLDS.c["reference", "service", "coach", "seat"]).where(
    _HOLDS.c.tenant == bindparam("of_tenant"), _HOLDS.c.key == bindparam("of_key")
)
_OVERDUE = delete_overdue(
    _HOLDS, lambda holds: (holds.c.tenant == bindparam("of_tenant")) & (holds.c.service == bindparam("on"))
)
# Run for every service that seats are requested on: each seat of it, and the hold on it, if any.
_SEATS_WITH_HOLDS = (
    sa.select(_SEATS.c.coach, _SEATS.c.seat, _HOLDS.c.key)
    .select_from(_SEATS.outerjoin(_HOLDS, ON_SEAT))
    .where(_SEATS.c.tenant == bindparam("of_tenant"), _SEATS.c.service == bindparam("on"))
)


def under_key(tx: Session, tenant: str, key: str) -> list[HeldSeat]:
    """Return the seats held or sold under a key."""
    rows = tx.connection().execute(_UNDER_KEY, {"of_tenant": tenant, "of_key": key})
    return [HeldSeat(*row) for row in rows]


def hold(
    tx: Session, tenant: str, key: str, requests: Sequence[tuple[int, SeatRequest]], now: datetime, until: datetime
) -> list[HeldSeat]:
    """Hold the seats of requests, each with its first number among the seats and units of the key.

    The services are locked. Raises NoSeatsLeftError, NoSuchSeatError and SeatIsTakenError.
    """
    services = sorted({request.service for _, request in requests})
    seats = {service: _ServiceSeats(tx, tenant, service, now) for service in services}
    held = [
        HeldSeat(seat_reference(key, number), request.service, *position)
        for first, request in requests
        for number, position in enumerate(seats[request.service].take(request), first)
    ]
    common = {"tenant": tenant, "key": key, "state": "held", "expires_at": until}
    insert_all(tx, SeatHoldRow, [asdict(seat) | common for seat in held])
    return held


class _ServiceSeats:
    """The seats of one service, without overdue holds."""

    def __init__(self, tx: Session, tenant: str, service: str, now: datetime) -> None:
        of_service: dict[str, Any] = {"of_tenant": tenant, "on": service}
        tx.connection().execute(_OVERDUE, of_service | {"now": now})
        rows = tx.connection().execute(_SEATS_WITH_HOLDS, of_service).all()
        self._all = {(coach, seat) for coach, seat, _ in rows}
        self._free = {(coach, seat) for coach, seat, key in rows if key is None}
        self._ours: set[Position] = set()

    def take(self, request: SeatRequest) -> list[Position]:
        """Take the seats of a request; later requests of the same call see them as the order's own."""
        taken = self._find_named(request.names) if request.names else self._choose(request)
        self._free.difference_update(taken)
        self._ours.update(taken)
        return taken

    def _choose(self, request: SeatRequest) -> list[Position]:
        if len(self._free) < request.count:
            raise NoSeatsLeftError(request.service)
        return choose_seats(self._free, request.count, self._ours.union(map(_position, request.beside)))

    def _find_named(self, names: Iterable[str]) -> list[Position]:
        positions = [_position(name) for name in names]
        if not self._all.issuperset(positions):
            raise NoSuchSeatError
        if not self._free.issuperset(positions) or len(set(positions)) < len(positions):
            raise SeatIsTakenError
        return positions


def _position(name: str) -> Position:
    coach, _, seat = name.partition("-")
    return int(coach), int(seat)
