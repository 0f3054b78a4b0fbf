"""Seat maps: departures by day, and the seats of one with the orders that have them."""

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
    """A departure with its numbers of seats, held seats and sold seats."""

    service: ServiceRow
    seats: int
    held: int
    sold: int

    @property
    def free(self) -> int:
        """The number of free seats."""
        return self.seats - self.held - self.sold


@dataclass(frozen=True)
class MappedSeat:
    """One seat of a departure, with the order that has it if the session may see that order."""

    coach: int
    seat: int
    row: int
    state: str
    """One of free, held or confirmed."""
    until: datetime | None = None
    order: str | None = None


def service(tx: TenantSession, name: str) -> ServiceRow | None:
    """Return a departure by its id, or None."""
    return tx.exec(select(ServiceRow).where(_of_tenant(tx), ServiceRow.id == name)).one_or_none()


def _of_tenant(tx: TenantSession) -> ColumnElement[bool]:
    return col(ServiceRow.tenant) == tx.access.tenant


def day_from(tx: TenantSession, day: date) -> date | None:
    """Return the first day with a departure, on or after a day; None if there is none."""
    return tx.exec(select(func.min(ServiceRow.day)).where(_of_tenant(tx), ServiceRow.day >= day)).one()


def day_before(tx: TenantSession, day: date) -> date | None:
    """Return the last day with a departure before a day; None if there is none."""
    return tx.exec(select(func.max(ServiceRow.day)).where(_of_tenant(tx), ServiceRow.day < day)).one()


def departures(tx: TenantSession, day: date, limit: int) -> list[Departure]:
    """Return a day's departures by departure time."""
    query = select(ServiceRow).where(_of_tenant(tx), ServiceRow.day == day)
    rows = tx.exec(query.order_by(col(ServiceRow.departs_at), col(ServiceRow.id)).limit(limit)).all()
    ids, tenant = [row.id for row in rows], tx.access.tenant
    seats = select(SeatRow.service, func.count()).where(SeatRow.tenant == tenant, col(SeatRow.service).in_(ids))
    counts = dict(tx.exec(seats.group_by(col(SeatRow.service))).all())
    taken = _taken(tx, ids)
    return [Departure(row, counts.get(row.id, 0), *taken.get(row.id, (0, 0))) for row in rows]


def _taken(tx: TenantSession, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    held_count = func.sum(case((col(SeatHoldRow.state) == "held", 1), else_=0))
    query = select(SeatHoldRow.service, held_count, func.count())
    query = query.where(SeatHoldRow.tenant == tx.access.tenant, col(SeatHoldRow.service).in_(ids))
    rows = tx.exec(query.group_by(col(SeatHoldRow.service)))
    return {name: (int(held), int(count) - int(held)) for name, held, count in rows}


def seats_on(tx: TenantSession, name: str, limit: int) -> list[MappedSeat]:
    """Return the seats of a departure by coach, each with its order if the session may see that order."""
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
    # A hold without a reservation is attributed to the order of the change that requested it.
    requested = and_(col(ChangeRow.id) == func.substr(hold.key, 1, 36), col(ChangeRow.tenant) == hold.tenant)
    order = func.coalesce(ours.order_number, ChangeRow.order_number)
    visible = and_(col(OrderRow.number) == order, visible_orders(tx))
    query = select(SeatRow, hold, OrderRow.number).outerjoin(hold, held).outerjoin(ours, same)
    query = query.outerjoin(ChangeRow, requested).outerjoin(OrderRow, visible)
    query = query.where(SeatRow.tenant == tx.access.tenant, SeatRow.service == name)
    rows = tx.exec(query.order_by(col(SeatRow.coach), seat).limit(limit))
    return [_mapped_seat(seat_row, hold_row, number) for seat_row, hold_row, number in rows]


def _mapped_seat(row: SeatRow, hold: SeatHoldRow | None, order: str | None) -> MappedSeat:
    if hold is None:
        return MappedSeat(row.coach, row.seat, row.row, "free")
    return MappedSeat(row.coach, row.seat, row.row, hold.state, hold.expires_at, order)
