"""Orders: conversion of rows to the domain model. The same rows hold the live, confirmed and earlier versions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import ColumnElement, String, bindparam, inspect, update
from sqlmodel import Session, col, select

from domain.money import Money
from domain.orders import (
    Fee,
    FeeKind,
    Order,
    OrderLine,
    OrderStatus,
    PriceGroup,
    Reservation,
    ReservationState,
    Unit,
)
from domain.taxes import TaxRounding
from domain.terms import ReturnableUntil, SoldUntil, Terms
from domain.travellers import Traveller
from store.database.inserts import table_of
from store.database.tenant_session import TenantSession
from store.orders.ledger import payments_of
from store.tables import FeeRow, LineRow, OrderRow, PriceGroupRow, ReservationRow, TravellerRow

# Run for every change: built once and without the ORM, because an order may have two hundred lines.
_ORDER = bindparam("order", type_=String())
_FIND = select(OrderRow).where(
    OrderRow.number == _ORDER, OrderRow.tenant == bindparam("of_tenant"), col(OrderRow.abandoned).is_(False)
)
_LOCKED = select(OrderRow).where(OrderRow.number == _ORDER).with_for_update()
_LINE, _SEAT, _FEE = table_of(LineRow), table_of(ReservationRow), table_of(FeeRow)
_DOCUMENTS = ("travellers", "seats", "units", "age_bands", "replaces", "customers", "distribution")
_MONEY = ("price_minor", "change_fee_minor", "returnable_until", "sold_until")
_AS_IS = tuple(name for name in OrderLine.model_fields if name in _LINE.c and name not in _DOCUMENTS)
ALL_LINES = (
    sa.select(*_LINE.c[(*_AS_IS, *_DOCUMENTS, *_MONEY)]).where(_LINE.c.order_number == _ORDER).order_by(_LINE.c.number)
)
"""Selects the lines of the order `:order`, undone ones included; `line_from` converts them."""
_LINES = ALL_LINES.where(_LINE.c.undone.is_(False))
DETAILS = sorted(set(Traveller.model_fields) - {"id"})
"""The columns of a traveller's details."""
_TRAVELLER = table_of(TravellerRow)
_TRAVELLERS = (
    sa.select(_TRAVELLER.c.traveller.label("id"), *_TRAVELLER.c[(*DETAILS, "added_in", "removed_by")])
    .where(_TRAVELLER.c.order_number == _ORDER, _TRAVELLER.c.undone.is_(False))
    .where(_TRAVELLER.c.removed_by.is_(None) | (_TRAVELLER.c.removed_in > bindparam("confirmed")))
    .order_by(_TRAVELLER.c.traveller)
)
_SEATS_ON = sa.select(_LINE.c.seats).where(_LINE.c.id.in_(bindparam("ids", expanding=True))).order_by(_LINE.c.number)
_RESERVATIONS = sa.select(_SEAT).where(_SEAT.c.order_number == _ORDER).order_by(_SEAT.c.number)
_FEES = (
    sa.select(_FEE)
    .where(_FEE.c.order_number == _ORDER, _FEE.c.undone.is_(False))
    .where(_FEE.c.removed_by.is_(None) | (_FEE.c.removed_in > bindparam("confirmed")))
    .order_by(_FEE.c.id)
)
_GROUP = table_of(PriceGroupRow)
_GROUPS = (
    sa.select(*_GROUP.c["id", "given_up", "taken", "refund"])
    .where(_GROUP.c.order_number == _ORDER, _GROUP.c.undone.is_(False), _GROUP.c.removed_by.is_(None))
    .where(_GROUP.c.added_in > bindparam("confirmed"))
    .order_by(_GROUP.c.id)
)


def find(tx: TenantSession, number: str) -> OrderRow | None:
    """Return an order's row, or None when it is unknown, not visible to the session, or its creation was refused."""
    row = tx.exec(_FIND, params={"order": number, "of_tenant": tx.access.tenant}).one_or_none()
    return row if row and tx.access.allows(row.tenant, row.distribution_channel) else None


def visible_orders(tx: TenantSession) -> ColumnElement[bool]:
    """Return the condition for orders that the session may see."""
    of_tenant, channel = col(OrderRow.tenant) == tx.access.tenant, tx.access.channel
    return of_tenant if channel is None else of_tenant & (col(OrderRow.distribution_channel) == channel)


def lock_order(tx: Session, number: str) -> OrderRow:
    """Lock an order's row and return it; other writers wait until the transaction ends."""
    return tx.exec(_LOCKED, params={"order": number}).one()


def load(tx: Session, row: OrderRow) -> Order:
    """Load the whole order of an order row."""
    tx.flush()
    execute, key = tx.connection().execute, {"order": row.number}
    of_version = key | {"confirmed": row.confirmed_version}
    fees = execute(_FEES, of_version).all()
    travellers = execute(_TRAVELLERS, of_version).all()
    reserved, confirmed = reservations_of(tx, row.number), row.confirmed_version
    return Order(
        **_order_fields(row),
        lines=tuple(line_from(line, row.currency) for line in execute(_LINES, key)),
        travellers=tuple(traveller_from(each) for each in travellers if each.removed_by is None),
        confirmed_travellers=tuple(traveller_from(each) for each in travellers if each.added_in <= confirmed),
        fees=tuple(fee_from(fee, row.currency) for fee in fees if fee.removed_by is None),
        confirmed_fees=tuple(fee_from(fee, row.currency) for fee in fees if fee.added_in <= confirmed),
        # Before the first confirmation no line brings money into a group.
        groups=tuple(map(_group, execute(_GROUPS, of_version))) if confirmed and row.draft_opened_by else (),
        reservations=tuple(reservation_from(each) for each in reserved if each.item is None),
        units=tuple(_unit(each) for each in reserved if each.item is not None),
        payments=tuple(payments_of(tx, row.number, row.currency)),
    )


def _order_fields(row: OrderRow) -> dict[str, Any]:
    rounding = TaxRounding(row.tax_rounding)
    return row.model_dump(include=_ORDER_FIELDS) | {"status": OrderStatus(row.status), "tax_rounding": rounding}


_ORDER_FIELDS = {
    "number",
    "currency",
    "version",
    "confirmed_version",
    "draft_opened_by",
    "expires_at",
    "expires_asked",
    "last_event",
}


def reservations_on(tx: Session, lines: Sequence[str]) -> tuple[str, ...]:
    """Return the reservations of lines, each once, in the order of the lines."""
    if not lines:
        return ()
    rows = tx.connection().execute(_SEATS_ON, {"ids": list(lines)})
    return tuple(dict.fromkeys(each["reservation"] for (seats,) in rows for each in from_json(seats)))


def reservations_of(tx: Session, number: str) -> Sequence[sa.Row[Any]]:
    """Return every reservation of an order, of seats and of units, released ones included."""
    tx.flush()
    return tx.connection().execute(_RESERVATIONS, {"order": number}).all()


def line_from(row: sa.Row[Any], currency: str) -> OrderLine:
    """Return the line of a selected row."""
    # By index instead of by name, for speed: an order may have two hundred lines.
    as_is = row[: len(_AS_IS)]
    travellers, seats, units, bands, replaces, customers, distribution, *rest = row[len(_AS_IS) :]
    price, fee, returnable_until, sold_until = rest
    return OrderLine(
        travellers=from_json(travellers),
        seats=from_json(seats),
        units=from_json(units),
        age_bands=from_json(bands) if bands else (),
        replaces=from_json(replaces),
        customers=from_json(customers) if customers else (),
        distribution=from_json(distribution) if distribution else None,
        price=Money(price, currency),
        terms=Terms(
            change_fee=Money(fee, currency),
            returnable_until=ReturnableUntil(returnable_until),
            sold_until=SoldUntil(sold_until),
        ),
        **dict(zip(_AS_IS, as_is, strict=True)),
    )


def traveller_from(row: sa.Row[Any]) -> Traveller:
    """Return the traveller of a row with the details and the traveller's id as `id`."""
    details = {name: getattr(row, name) for name in DETAILS}
    return Traveller(id=row.id, **{name: value for name, value in details.items() if value is not None})


def fee_from(row: sa.Row[Any], currency: str) -> Fee:
    """Return the fee of a row."""
    amount = Money(row.amount_minor, currency)
    return Fee(id=row.id, kind=FeeKind(row.kind), amount=amount, tax_rate=row.tax_rate, line=row.line)


def reservation_from(row: sa.Row[Any]) -> Reservation:
    """Return the seat of a row of reservations."""
    return Reservation(
        id=row.id,
        service=row.service,
        coach=row.coach,
        seat=row.seat,
        state=ReservationState(row.state),
        expires_at=row.expires_at,
    )


def _unit(row: sa.Row[Any]) -> Unit:
    return Unit(
        id=row.id,
        item=row.item,
        service=row.service,
        day=row.day,
        state=ReservationState(row.state),
        expires_at=row.expires_at,
    )


def _group(row: sa.Row[Any]) -> PriceGroup:
    return PriceGroup(id=row.id, given_up=from_json(row.given_up), taken=from_json(row.taken), refund=row.refund)


_ORDERS = table_of(OrderRow)

_ORDER_COLUMNS = tuple(column.name for column in _ORDERS.c)

_UPDATE_ORDER = update(_ORDERS).where(_ORDERS.c.number == bindparam("of_order", type_=String()))


def write_order(tx: Session, order: OrderRow) -> None:
    """Write the changed columns of a locked, detached order row by one UPDATE."""
    unmodified = inspect(order).unmodified
    changed = {name: getattr(order, name) for name in _ORDER_COLUMNS if name not in unmodified}
    if changed:
        tx.connection().execute(_UPDATE_ORDER, changed | {"of_order": order.number})


def tenants_with_orders(tx: Session) -> list[str]:
    """Return the tenants that have an order."""
    return sorted(tx.exec(select(OrderRow.tenant).distinct()))
