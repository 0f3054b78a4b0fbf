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


_GIVEN_UP = (
    (_LINE.c.order_number == bindparam("order", type_=String()))
    & _LINE.c.undone.is_(False)
    & (_LINE.c.added_in <= _CONFIRMED)
    & (_LINE.c.removed_in > _CONFIRMED)
)
_LINES = (
    sa.select(*_LINE.c["id", "product", "service", "travellers", "price_minor", "removed_by"])
    .where(_of_draft(_LINE) | _GIVEN_UP)
    .order_by(_LINE.c.number)
)
_NOTHING = sa.null().cast(String)
# One statement for both, because every confirmation runs it.
_FEES_AND_TRAVELLERS = sa.union_all(
    sa.select(_NOTHING.label("traveller"), *_FEE.c["id", "kind", "line", "amount_minor"]).where(_of_draft(_FEE)),
    sa.select(
        _TRAVELLER.c.traveller, _TRAVELLER.c.traveller, _NOTHING, _NOTHING, sa.null().cast(_FEE.c.amount_minor.type)
    ).where(_of_draft(_TRAVELLER)),
).order_by("id")


def confirmed_draft(tx: Session, order: OrderRow, change: str) -> Confirmation:
    """Return what the confirmation of an order's draft confirms.

    It is called after the money was settled by this change, and before the draft's version becomes the confirmed one.
    """
    tx.flush()
    execute, parameters = tx.connection().execute, {"order": order.number, "confirmed": order.confirmed_version}
    lines, others = execute(_LINES, parameters).all(), execute(_FEES_AND_TRAVELLERS, parameters).all()
    moves, nothing = dict(moves_of_change(tx, change, order.currency)), zero(order.currency)
    return Confirmation(
        lines=tuple(_line(row, order.currency) for row in lines if row.removed_by is None),
        given_up=tuple(_line(row, order.currency) for row in lines if row.removed_by is not None),
        travellers=tuple(row.traveller for row in others if row.traveller is not None),
        fees=tuple(
            ConfirmedFee(kind=FeeKind(row.kind), line=row.line, amount=Money(row.amount_minor, order.currency))
            for row in others
            if row.traveller is None
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
