"""Lists what a confirmation confirms, by statement: an order may have two hundred lines."""

from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import ColumnElement, String, bindparam
from sqlmodel import Session

from domain.confirmation import Confirmation, ConfirmedFee, ConfirmedLine
from domain.money import Money, zero
from domain.orders import FeeKind
from domain.settlement import MoveKind
from store.database.inserts import table_of
from store.orders.ledger import moves_of_change
from store.tables import FeeRow, LineRow, OrderRow, TravellerRow

_LINE, _FEE, _TRAVELLER = table_of(LineRow), table_of(FeeRow), table_of(TravellerRow)
_CONFIRMED = bindparam("confirmed", type_=sa.BigInteger())


def _of_draft(table: sa.Table) -> ColumnElement[bool]:
    """Return the condition for live rows that the confirmed version does not have."""
    of_order = table.c.order_number == bindparam("order", type_=String())
    return of_order & table.c.undone.is_(False) & table.c.removed_by.is_(None) & (table.c.added_in > _CONFIRMED)


_LINES = sa.select(*_LINE.c["id", "product", "service", "travellers", "price_minor"]).order_by(_LINE.c.number)
_ADDED = _LINES.where(_of_draft(_LINE))
_GIVEN_UP = _LINES.where(
    _LINE.c.order_number == bindparam("order", type_=String()),
    _LINE.c.undone.is_(False),
    _LINE.c.added_in <= _CONFIRMED,
    _LINE.c.removed_in > _CONFIRMED,
)
_FEES = sa.select(*_FEE.c["kind", "line", "amount_minor"]).where(_of_draft(_FEE)).order_by(_FEE.c.id)
_TRAVELLERS = sa.select(_TRAVELLER.c.traveller).where(_of_draft(_TRAVELLER)).order_by(_TRAVELLER.c.traveller)


def confirmed_draft(tx: Session, order: OrderRow, change: str) -> Confirmation:
    """Return what the confirmation of an order's draft confirms.

    It is called after the money was settled by this change, and before the draft's version becomes the confirmed one.
    """
    tx.flush()
    execute, parameters = tx.connection().execute, {"order": order.number, "confirmed": order.confirmed_version}
    moves = dict(moves_of_change(tx, change, order.currency))
    nothing = zero(order.currency)
    return Confirmation(
        lines=tuple(_line(row, order.currency) for row in execute(_ADDED, parameters)),
        given_up=tuple(_line(row, order.currency) for row in execute(_GIVEN_UP, parameters)),
        travellers=tuple(traveller for (traveller,) in execute(_TRAVELLERS, parameters)),
        fees=tuple(
            ConfirmedFee(kind=FeeKind(kind), line=line, amount=Money(minor, order.currency))
            for kind, line, minor in execute(_FEES, parameters)
        ),
        captured=moves.get(MoveKind.CAPTURE, nothing),
        refunded=moves.get(MoveKind.REFUND, nothing),
        refund_owed=moves.get(MoveKind.OWE, nothing),
    )


def _line(row: sa.Row[Any], currency: str) -> ConfirmedLine:
    return ConfirmedLine(
        line=row.id,
        product=row.product,
        service=row.service,
        travellers=from_json(row.travellers),
        price=Money(row.price_minor, currency),
    )
