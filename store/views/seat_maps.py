"""Departures by day, and who has which seat on one: the embedded inventory beside our reservations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, case, func
from sqlmodel import col, select

from store.database.tenant_session import TenantSession
from store.orders.orders import visible_orders
from store.tables import ChangeRow, OrderRow, ReservationRow, SeatHoldRow, SeatRow, ServiceRow


@dataclass(frozen=True)
class Departure:
    """A service and how full it is."""

    service: ServiceRow
    seats: int
    held: int
    sold: int

    @property
    def free(self) -> int:
        """How many seats nobody has."""
        return self.seats - self.held - self.sold


@dataclass(frozen=True)
class MappedSeat:
    """One seat of a departure, and who has it."""

    coach: int
    seat: int
    row: int
    state: str
    """free, held or confirmed."""
    until: datetime | None = None
    order: str | None = None


def service(tx: TenantSession, name: str) -> ServiceRow | None:
    """Return a departure, or None."""
    return tx.exec(select(ServiceRow).where(_mine(tx), ServiceRow.id == name)).one_or_none()


def _mine(tx: TenantSession) -> ColumnElement[bool]:
    return col(ServiceRow.tenant) == tx.reach.tenant


def day_from(tx: TenantSession, day: date) -> date | None:
    """Return the first day with a departure from a day on."""
    return tx.exec(select(func.min(ServiceRow.day)).where(_mine(tx), ServiceRow.day >= day)).one()


def day_before(tx: TenantSession, day: date) -> date | None:
    """Return the last day with a departure before a day."""
    return tx.exec(select(func.max(ServiceRow.day)).where(_mine(tx), ServiceRow.day < day)).one()


def departures(tx: TenantSession, day: date, limit: int) -> list[Departure]:
    """Return a day's departures in order of time."""
    query = select(ServiceRow).where(_mine(tx), ServiceRow.day == day)
    rows = tx.exec(query.order_by(col(ServiceRow.departs_at), col(ServiceRow.id)).limit(limit)).all()
    ids, tenant = [row.id for row in rows], tx.reach.tenant
    seats = select(SeatRow.service, func.count()).where(SeatRow.tenant == tenant, col(SeatRow.service).in_(ids))
    every = dict(tx.exec(seats.group_by(col(SeatRow.service))).all())
    taken = _taken(tx, ids)
    return [Departure(row, every.get(row.id, 0), *taken.get(row.id, (0, 0))) for row in rows]


def _taken(tx: TenantSession, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    held = func.sum(case((col(SeatHoldRow.state) == "held", 1), else_=0))
    query = select(SeatHoldRow.service, held, func.count())
    query = query.where(SeatHoldRow.tenant == tx.reach.tenant, col(SeatHoldRow.service).in_(ids))
    rows = tx.exec(query.group_by(col(SeatHoldRow.service)))
    return {name: (int(waiting), int(every) - int(waiting)) for name, waiting, every in rows}


def seats_on(tx: TenantSession, name: str, limit: int) -> list[MappedSeat]:
    """Return the seats of a departure, coach by coach, with the order that has them if that is within reach."""
    seat, hold, ours = col(SeatRow.seat), SeatHoldRow, ReservationRow
    held = and_(
        col(hold.tenant) == SeatRow.tenant,
        col(hold.service) == SeatRow.service,
        col(hold.coach) == SeatRow.coach,
        col(hold.seat) == seat,
    )
    same = and_(
        col(ours.tenant) == hold.tenant,
        col(ours.reference) == hold.reference,
        col(ours.key) == hold.key,
        col(ours.state) != "released",
    )
    # A hold that no order knows of is still told by the change that asked for it.
    asked = and_(col(ChangeRow.id) == func.substr(hold.key, 1, 36), col(ChangeRow.tenant) == hold.tenant)
    order = func.coalesce(ours.order_number, ChangeRow.order_number)
    within = and_(col(OrderRow.number) == order, visible_orders(tx))
    query = select(SeatRow, hold, OrderRow.number).outerjoin(hold, held).outerjoin(ours, same)
    query = query.outerjoin(ChangeRow, asked).outerjoin(OrderRow, within)
    query = query.where(SeatRow.tenant == tx.reach.tenant, SeatRow.service == name)
    rows = tx.exec(query.order_by(col(SeatRow.coach), seat).limit(limit))
    return [_place(place, taken, number) for place, taken, number in rows]


def _place(row: SeatRow, hold: SeatHoldRow | None, order: str | None) -> MappedSeat:
    if hold is None:
        return MappedSeat(row.coach, row.seat, row.row, "free")
    return MappedSeat(row.coach, row.seat, row.row, hold.state, hold.expires_at, order)
