"""Orders: rows to domain. What is live, confirmed or past is a question asked of the same rows."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import ColumnElement, String, bindparam, inspect, update
from sqlmodel import Session, col, select

from domain.money import Money
from domain.orders import Fee, FeeKind, Order, OrderLine, OrderStatus, Reservation, ReservationState
from domain.travellers import Traveller
from store.database.inserts import table_of
from store.database.tenant_session import TenantSession
from store.orders.ledger import payments_of
from store.tables import FeeRow, LineRow, OrderRow, ReservationRow, TravellerRow

# Run for every change: built once, and without the ORM, for an order may have two hundred lines.
_ORDER = bindparam("order", type_=String())
_FIND = select(OrderRow).where(
    OrderRow.number == _ORDER, OrderRow.tenant == bindparam("of_tenant"), col(OrderRow.abandoned).is_(False)
)
_LOCKED = select(OrderRow).where(OrderRow.number == _ORDER).with_for_update()
_LINE, _SEAT, _FEE = table_of(LineRow), table_of(ReservationRow), table_of(FeeRow)
_DOCUMENTS = ("travellers", "reservations", "replaces", "customers", "distribution")
_MONEY = ("price_minor", "change_fee_minor")
_AS_IS = tuple(name for name in OrderLine.model_fields if name in _LINE.c and name not in _DOCUMENTS)
_LINES = (
    sa.select(*_LINE.c[(*_AS_IS, *_DOCUMENTS, *_MONEY)])
    .where(_LINE.c.order_number == _ORDER, _LINE.c.undone.is_(False))
    .order_by(_LINE.c.number)
)
_DETAILS = sorted(set(Traveller.model_fields) - {"id"})
_WHO = table_of(TravellerRow)
_TRAVELLERS = (
    sa.select(_WHO.c.traveller.label("id"), *_WHO.c[tuple(_DETAILS)])
    .where(_WHO.c.order_number == _ORDER, _WHO.c.undone.is_(False), _WHO.c.removed_by.is_(None))
    .order_by(_WHO.c.traveller)
)
_SEATS_ON = (
    sa.select(_LINE.c.reservations).where(_LINE.c.id.in_(bindparam("ids", expanding=True))).order_by(_LINE.c.number)
)
_RESERVATIONS = sa.select(_SEAT).where(_SEAT.c.order_number == _ORDER).order_by(_SEAT.c.number)
_FEES = (
    sa.select(_FEE)
    .where(_FEE.c.order_number == _ORDER, _FEE.c.undone.is_(False))
    .where(_FEE.c.removed_by.is_(None) | (_FEE.c.removed_in > bindparam("confirmed")))
    .order_by(_FEE.c.id)
)


def find(tx: TenantSession, number: str) -> OrderRow | None:
    """Return an order's row, or None: unknown, out of reach and one whose making was refused look alike."""
    row = tx.exec(_FIND, params={"order": number, "of_tenant": tx.reach.tenant}).one_or_none()
    return row if row and tx.reach.allows(row.tenant, row.distribution_channel) else None


def visible_orders(tx: TenantSession) -> ColumnElement[bool]:
    """Return what is true of the orders within reach."""
    of_tenant, channel = col(OrderRow.tenant) == tx.reach.tenant, tx.reach.channel
    return of_tenant if channel is None else of_tenant & (col(OrderRow.distribution_channel) == channel)


def lock_order(tx: Session, number: str) -> OrderRow:
    """Return an order's row for writing; others wait until the transaction ends."""
    return tx.exec(_LOCKED, params={"order": number}).one()


def load(tx: Session, row: OrderRow) -> Order:
    """Return the whole order a row is the head of."""
    tx.flush()
    ask, of = tx.connection().execute, {"order": row.number}
    fees = ask(_FEES, of | {"confirmed": row.confirmed_version}).all()
    return Order(
        **_head(row),
        lines=tuple(_line(line, row.currency) for line in ask(_LINES, of)),
        travellers=tuple(_traveller(each) for each in ask(_TRAVELLERS, of)),
        fees=tuple(_fee(fee, row.currency) for fee in fees if fee.removed_by is None),
        confirmed_fees=tuple(_fee(fee, row.currency) for fee in fees if fee.added_in <= row.confirmed_version),
        reservations=tuple(_reservation(each) for each in reservations_of(tx, row.number)),
        payments=tuple(payments_of(tx, row.number, row.currency)),
    )


def _head(row: OrderRow) -> dict[str, Any]:
    return row.model_dump(include=_HEAD) | {"status": OrderStatus(row.status)}


_HEAD = {
    "number",
    "currency",
    "version",
    "confirmed_version",
    "draft_opened_by",
    "expires_at",
    "expires_fixed",
    "last_event",
}


def reservations_on(tx: Session, lines: Sequence[str]) -> tuple[str, ...]:
    """Return the seats that lines have, each once, in the order of the lines."""
    if not lines:
        return ()
    rows = tx.connection().execute(_SEATS_ON, {"ids": list(lines)})
    return tuple(dict.fromkeys(seat for (seats,) in rows for seat in from_json(seats)))


def reservations_of(tx: Session, number: str) -> Sequence[sa.Row[Any]]:
    """Return every reservation of an order, released ones included."""
    tx.flush()
    return tx.connection().execute(_RESERVATIONS, {"order": number}).all()


def _line(row: sa.Row[Any], currency: str) -> OrderLine:
    # By place, not by name: an order may have two hundred of them.
    as_is = row[: len(_AS_IS)]
    travellers, reservations, replaces, customers, distribution, price, fee = row[len(_AS_IS) :]
    return OrderLine(
        travellers=from_json(travellers),
        reservations=from_json(reservations),
        replaces=from_json(replaces),
        customers=from_json(customers) if customers else (),
        distribution=from_json(distribution) if distribution else None,
        price=Money(price, currency),
        change_fee=Money(fee, currency),
        **dict(zip(_AS_IS, as_is, strict=True)),
    )


def _traveller(row: sa.Row[Any]) -> Traveller:
    return Traveller(**{name: value for name, value in row._mapping.items() if value is not None})  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


def _fee(row: sa.Row[Any], currency: str) -> Fee:
    amount = Money(row.amount_minor, currency)
    return Fee(id=row.id, kind=FeeKind(row.kind), amount=amount, tax_rate=row.tax_rate, line=row.line)


def _reservation(row: sa.Row[Any]) -> Reservation:
    return Reservation(
        id=row.id,
        service=row.service,
        coach=row.coach,
        seat=row.seat,
        state=ReservationState(row.state),
        expires_at=row.expires_at,
    )


_ORDERS = table_of(OrderRow)

_ORDER_COLUMNS = tuple(column.name for column in _ORDERS.c)

_UPDATE_ORDER = update(_ORDERS).where(_ORDERS.c.number == bindparam("of_order", type_=String()))


def write_order(tx: Session, order: OrderRow) -> None:
    """Write what has changed of a head that is locked and not the session's."""
    unmodified = inspect(order).unmodified
    changed = {name: getattr(order, name) for name in _ORDER_COLUMNS if name not in unmodified}
    if changed:
        tx.connection().execute(_UPDATE_ORDER, changed | {"of_order": order.number})
