"""Seat inventory on our own database: one row per seat held or sold."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, case, delete, update
from sqlmodel import Session, col

from providers.embedded.seat_choice import choose
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoSuchSeatError, SeatIsTakenError
from providers.protocols import HeldSeat, SeatRequest
from store.database.inserts import insert_all, table_of
from store.database.store import Store
from store.tables import SeatHoldRow, SeatRow, ServiceRow

_Place = tuple[int, int]

_SEATS, _HOLDS = table_of(SeatRow), table_of(SeatHoldRow)
_TAKEN = (
    (_HOLDS.c.tenant == _SEATS.c.tenant)
    & (_HOLDS.c.service == _SEATS.c.service)
    & (_HOLDS.c.coach == _SEATS.c.coach)
    & (_HOLDS.c.seat == _SEATS.c.seat)
)
# Run for every change that wants seats.
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
_MINE = (_HOLDS.c.tenant == bindparam("of_tenant"), _HOLDS.c.reference.in_(bindparam("references", expanding=True)))
_SHORTER = (_HOLDS.c.state == "held") & (_HOLDS.c.expires_at < bindparam("until"))
_SET, _FREE = update(_HOLDS).where(*_MINE), delete(_HOLDS).where(*_MINE)
_EXTEND = _SET.values(expires_at=case((_SHORTER, bindparam("until")), else_=_HOLDS.c.expires_at))
# Run for every service that seats are wanted on: each seat of it, and the hold on it, if any.
_PLACES = (
    sa.select(_SEATS.c.coach, _SEATS.c.seat, _SEATS.c.row, _HOLDS.c.key)
    .select_from(_SEATS.outerjoin(_HOLDS, _TAKEN))
    .where(_SEATS.c.tenant == bindparam("of_tenant"), _SEATS.c.service == bindparam("on"))
)


class EmbeddedSeats:
    """Holds seats by inserting a row for each; its primary key makes selling one twice impossible."""

    external = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        """Hold seats, all or none: whoever asks for one service waits for those before them."""
        with self._store.write() as tx:
            earlier = tx.connection().execute(_EARLIER, {"of_tenant": tenant, "of_key": key}).all()
            if earlier:
                return sorted((HeldSeat(*row) for row in earlier), key=_order)
            # In one order for everybody: two changes with two services each must not wait in a ring.
            for service in sorted({request.service for request in requests}):
                self._queue_up(tx, tenant, service)
            held: list[HeldSeat] = []
            common = {"tenant": tenant, "key": key, "state": "held", "expires_at": until}
            for request in requests:
                places = self._places(tx, tenant, request)
                more = [_named_by(key, n, request.service, each) for n, each in enumerate(places, len(held) + 1)]
                insert_all(tx, SeatHoldRow, [asdict(seat) | common for seat in more])
                held += more
            return held

    def _queue_up(self, tx: Session, tenant: str, service: str) -> None:
        of = {"of_tenant": tenant, "on": service}
        if tx.connection().execute(_SERVICE, of).one_or_none() is None:
            raise NoSeatsLeftError
        tx.connection().execute(_OVERDUE, of | {"now": self._store.now()})

    def _places(self, tx: Session, tenant: str, request: SeatRequest) -> list[_Place]:
        rows = tx.connection().execute(_PLACES, {"of_tenant": tenant, "on": request.service}).all()
        seats = {(coach, seat): row for coach, seat, row, _ in rows}
        taken = {(coach, seat) for coach, seat, _, hold in rows if hold}
        if request.names:
            return _named(request.names, seats, taken)
        free = {place: row for place, row in seats.items() if place not in taken}
        if len(free) < request.count:
            raise NoSeatsLeftError
        return choose(free, request.count)

    def release(self, tenant: str, key: str) -> None:
        """Give back what is held under a key. The step's own memory keeps the key from being used again."""
        with self._store.write() as tx:
            tx.execute(delete(SeatHoldRow).where(col(SeatHoldRow.tenant) == tenant, col(SeatHoldRow.key) == key))

    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        """Give back these seats; those already free are left alone."""
        if not references:
            return
        with self._store.write() as tx:
            tx.connection().execute(_FREE, _of(tenant, references))

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        """Let holds last at least until a time."""
        with self._store.write() as tx:
            _set(tx, _EXTEND, tenant, references, until=until)

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> None:
        """Sell the taken seats and free the given-up ones in one transaction."""
        with self._store.write() as tx:
            _set(tx, _SET, tenant, taken, state="confirmed", expires_at=None)
            self.release_references(tenant, given_up)


def _set(tx: Session, change: sa.Update, tenant: str, references: Sequence[str], **values: object) -> None:
    """Change holds. Raises HoldIsGoneError when one of them is not there any more."""
    if not references:
        return
    if tx.connection().execute(change, values | _of(tenant, references)).rowcount != len(set(references)):
        raise HoldIsGoneError


def _named(names: tuple[str, ...], seats: dict[_Place, int], taken: set[_Place]) -> list[_Place]:
    places: list[_Place] = []
    for name in names:
        coach, _, seat = name.partition("-")
        place = (int(coach), int(seat))
        if place not in seats:
            raise NoSuchSeatError
        if place in taken:
            raise SeatIsTakenError
        places.append(place)
    return places


def _named_by(key: str, number: int, service: str, place: _Place) -> HeldSeat:
    coach, seat = place
    return HeldSeat(reference=f"{key}/{number}", service=service, coach=coach, seat=seat)


def _order(seat: HeldSeat) -> int:
    return int(seat.reference.rpartition("/")[2])


def _of(tenant: str, references: Sequence[str]) -> dict[str, object]:
    return {"of_tenant": tenant, "references": list(references)}
