"""The seat inventory on our own database: one row per seat held or sold."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, case, delete, update
from sqlmodel import Session, col

from providers.embedded.seat_choice import choose_seats
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoSuchSeatError, SeatIsTakenError
from providers.protocols import HeldSeat, SeatRequest
from store.database.inserts import insert_all, table_of
from store.database.store import Store
from store.tables import SeatHoldRow, SeatRow, ServiceRow

_Position = tuple[int, int]

_SEATS, _HOLDS = table_of(SeatRow), table_of(SeatHoldRow)
_TAKEN = (
    (_HOLDS.c.tenant == _SEATS.c.tenant)
    & (_HOLDS.c.service == _SEATS.c.service)
    & (_HOLDS.c.coach == _SEATS.c.coach)
    & (_HOLDS.c.seat == _SEATS.c.seat)
)
# Run for every change that holds seats, so each statement is built once.
_EARLIER = sa.select(*_HOLDS.c["reference", "service", "coach", "seat"]).where(
    _HOLDS.c.tenant == bindparam("of_tenant"), _HOLDS.c.key == bindparam("of_key")
)
_SERVICES = table_of(ServiceRow)
_SERVICE = (
    sa.select(_SERVICES.c.id)
    .where(_SERVICES.c.tenant == bindparam("of_tenant"), _SERVICES.c.id == bindparam("on"))
    .with_for_update()
)
_OVERDUE = delete(_HOLDS).where(
    _HOLDS.c.tenant == bindparam("of_tenant"),
    _HOLDS.c.service == bindparam("on"),
    _HOLDS.c.state == "held",
    _HOLDS.c.expires_at <= bindparam("now"),
)
_REFERENCED = (
    _HOLDS.c.tenant == bindparam("of_tenant"),
    _HOLDS.c.reference.in_(bindparam("references", expanding=True)),
)
_SHORTER = (_HOLDS.c.state == "held") & (_HOLDS.c.expires_at < bindparam("until"))
_SET, _FREE = update(_HOLDS).where(*_REFERENCED), delete(_HOLDS).where(*_REFERENCED)
_EXTEND = _SET.values(expires_at=case((_SHORTER, bindparam("until")), else_=_HOLDS.c.expires_at))
# Run for every service that seats are requested on: each seat of it, and the hold on it, if any.
_SEATS_WITH_HOLDS = (
    sa.select(_SEATS.c.coach, _SEATS.c.seat, _SEATS.c.row, _HOLDS.c.key)
    .select_from(_SEATS.outerjoin(_HOLDS, _TAKEN))
    .where(_SEATS.c.tenant == bindparam("of_tenant"), _SEATS.c.service == bindparam("on"))
)


class EmbeddedSeats:
    """Holds seats by inserting a row for each; the primary key makes it impossible to sell a seat twice."""

    external = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        """Hold seats, all or none. Concurrent requests for one service wait for each other."""
        with self._store.write() as tx:
            earlier = tx.connection().execute(_EARLIER, {"of_tenant": tenant, "of_key": key}).all()
            if earlier:
                return sorted((HeldSeat(*row) for row in earlier), key=_order)
            # Always in the same order: two changes that lock two services each would otherwise deadlock.
            for service in sorted({request.service for request in requests}):
                self._lock_service(tx, tenant, service)
            held: list[HeldSeat] = []
            common = {"tenant": tenant, "key": key, "state": "held", "expires_at": until}
            for request in requests:
                positions = self._choose(tx, tenant, request)
                more = [_held_seat(key, n, request.service, each) for n, each in enumerate(positions, len(held) + 1)]
                insert_all(tx, SeatHoldRow, [asdict(seat) | common for seat in more])
                held += more
            return held

    def _lock_service(self, tx: Session, tenant: str, service: str) -> None:
        parameters = {"of_tenant": tenant, "on": service}
        if tx.connection().execute(_SERVICE, parameters).one_or_none() is None:
            raise NoSeatsLeftError
        tx.connection().execute(_OVERDUE, parameters | {"now": self._store.now()})

    def _choose(self, tx: Session, tenant: str, request: SeatRequest) -> list[_Position]:
        rows = tx.connection().execute(_SEATS_WITH_HOLDS, {"of_tenant": tenant, "on": request.service}).all()
        seats = {(coach, seat): row for coach, seat, row, _ in rows}
        taken = {(coach, seat) for coach, seat, _, hold in rows if hold}
        if request.names:
            return _find_named(request.names, seats, taken)
        free = {position: row for position, row in seats.items() if position not in taken}
        if len(free) < request.count:
            raise NoSeatsLeftError
        return choose_seats(free, request.count)

    def release(self, tenant: str, key: str) -> None:
        """Release the seats held under a key. The step's record prevents the key from being used again."""
        with self._store.write() as tx:
            tx.execute(delete(SeatHoldRow).where(col(SeatHoldRow.tenant) == tenant, col(SeatHoldRow.key) == key))

    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        """Release these seats; seats that are already free are left alone."""
        if not references:
            return
        with self._store.write() as tx:
            tx.connection().execute(_FREE, _of(tenant, references))

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        """Extend holds to last at least until a time."""
        with self._store.write() as tx:
            _set(tx, _EXTEND, tenant, references, until=until)

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> None:
        """Sell the seats `taken` and release the seats `given_up` in one transaction."""
        with self._store.write() as tx:
            _set(tx, _SET, tenant, taken, state="confirmed", expires_at=None)
            self.release_references(tenant, given_up)


def _set(tx: Session, change: sa.Update, tenant: str, references: Sequence[str], **values: object) -> None:
    """Update holds. Raises HoldIsGoneError when one of them no longer exists."""
    if not references:
        return
    if tx.connection().execute(change, values | _of(tenant, references)).rowcount != len(set(references)):
        raise HoldIsGoneError


def _find_named(names: tuple[str, ...], seats: dict[_Position, int], taken: set[_Position]) -> list[_Position]:
    positions: list[_Position] = []
    for name in names:
        coach, _, seat = name.partition("-")
        position = (int(coach), int(seat))
        if position not in seats:
            raise NoSuchSeatError
        if position in taken:
            raise SeatIsTakenError
        positions.append(position)
    return positions


def _held_seat(key: str, number: int, service: str, position: _Position) -> HeldSeat:
    coach, seat = position
    return HeldSeat(reference=f"{key}/{number}", service=service, coach=coach, seat=seat)


def _order(seat: HeldSeat) -> int:
    return int(seat.reference.rpartition("/")[2])


def _of(tenant: str, references: Sequence[str]) -> dict[str, object]:
    return {"of_tenant": tenant, "references": list(references)}
