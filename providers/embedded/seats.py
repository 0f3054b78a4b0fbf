"""Seat inventory on our own database: one row per seat held or sold."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam, case, delete, update
from sqlmodel import Session, col, select

from providers.embedded.placing import choose
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoSuchSeatError, SeatIsTakenError
from providers.protocols import HeldSeat, SeatRequest
from store.database import Store
from store.inserts import insert_all, table_of
from store.tables import SeatHoldRow, SeatRow, ServiceRow

_Place = tuple[int, int]

_SEATS, _HOLDS = table_of(SeatRow), table_of(SeatHoldRow)
_TAKEN = (
    (_HOLDS.c.tenant == _SEATS.c.tenant)
    & (_HOLDS.c.service == _SEATS.c.service)
    & (_HOLDS.c.coach == _SEATS.c.coach)
    & (_HOLDS.c.seat == _SEATS.c.seat)
)
# Run for every service that seats are wanted on: each seat of it, and the hold on it, if any.
_PLACES = (
    sa.select(_SEATS.c.coach, _SEATS.c.seat, _SEATS.c.row, _HOLDS.c.key)
    .select_from(_SEATS.outerjoin(_HOLDS, _TAKEN))
    .where(_SEATS.c.tenant == bindparam("of_tenant"), _SEATS.c.service == bindparam("on"))
)


class EmbeddedSeats:
    """Holds seats by inserting a row for each; its primary key makes selling one twice impossible."""

    outside = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def hold(self, tenant: str, key: str, wanted: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        """Hold seats, all or none: whoever asks for one service waits for those before them."""
        with self._store.write() as tx:
            earlier = tx.exec(select(SeatHoldRow).where(SeatHoldRow.tenant == tenant, SeatHoldRow.key == key)).all()
            if earlier:
                return [_held(row) for row in sorted(earlier, key=_order)]
            # In one order for everybody: two changes with two services each must not wait in a ring.
            for service in sorted({request.service for request in wanted}):
                self._queue_up(tx, tenant, service)
            rows: list[SeatHoldRow] = []
            for request in wanted:
                places = self._places(tx, tenant, request)
                first = len(rows) + 1
                rows += [_row(tenant, key, n, request.service, each, until) for n, each in enumerate(places, first)]
                insert_all(tx, rows[first - 1 :])
            return [_held(row) for row in rows]

    def _queue_up(self, tx: Session, tenant: str, service: str) -> None:
        query = select(ServiceRow).where(ServiceRow.tenant == tenant, ServiceRow.id == service)
        if tx.exec(query.with_for_update()).one_or_none() is None:
            raise NoSeatsLeftError
        overdue = delete(SeatHoldRow).where(
            col(SeatHoldRow.tenant) == tenant,
            col(SeatHoldRow.service) == service,
            col(SeatHoldRow.state) == "held",
            col(SeatHoldRow.expires_at) <= self._store.now(),
        )
        tx.execute(overdue)

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

    def give_back(self, tenant: str, references: Sequence[str]) -> None:
        """Give back these seats; those already free are left alone."""
        if not references:
            return
        with self._store.write() as tx:
            tx.execute(delete(SeatHoldRow).where(*_mine(tenant, references)))

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        """Let holds last at least until a time."""
        with self._store.write() as tx:
            shorter = (col(SeatHoldRow.state) == "held") & (col(SeatHoldRow.expires_at) < until)
            _set(tx, tenant, references, expires_at=case((shorter, until), else_=col(SeatHoldRow.expires_at)))

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> None:
        """Sell the taken seats and free the given-up ones in one transaction."""
        with self._store.write() as tx:
            _set(tx, tenant, taken, state="confirmed", expires_at=None)
            self.give_back(tenant, given_up)


def _set(tx: Session, tenant: str, references: Sequence[str], **values: object) -> None:
    """Change holds. Raises HoldIsGoneError when one of them is not there any more."""
    if not references:
        return
    found = tx.connection().execute(update(_HOLDS).where(*_mine(tenant, references)).values(values)).rowcount
    if found != len(set(references)):
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


def _row(tenant: str, key: str, number: int, service: str, place: _Place, until: datetime) -> SeatHoldRow:
    coach, seat = place
    reference = f"{key}/{number}"
    return SeatHoldRow(
        tenant=tenant,
        service=service,
        coach=coach,
        seat=seat,
        key=key,
        reference=reference,
        state="held",
        expires_at=until,
    )


def _order(row: SeatHoldRow) -> int:
    return int(row.reference.rpartition("/")[2])


def _held(row: SeatHoldRow) -> HeldSeat:
    return HeldSeat(reference=row.reference, service=row.service, coach=row.coach, seat=row.seat)


def _mine(tenant: str, references: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return col(SeatHoldRow.tenant) == tenant, col(SeatHoldRow.reference).in_(references)
