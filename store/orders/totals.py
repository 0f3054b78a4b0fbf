"""An order's total and balance, summed by the database so that no step loads two hundred lines for them."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, String, bindparam, func, select
from sqlmodel import Session

from domain.changes import OrderSummary
from domain.money import Money
from domain.settlement import balance_of, unpaid_refunds
from store.database.inserts import table_of
from store.orders.ledger import payments_of
from store.tables import FeeRow, LineRow, OrderRow

_LINES, _FEES = table_of(LineRow), table_of(FeeRow)
_ORDER = bindparam("order", type_=String())


def _of_live(amount: ColumnElement[int], table: type[LineRow] | type[FeeRow]) -> ColumnElement[int]:
    rows = table_of(table).c
    live = (rows.order_number == _ORDER, rows.undone.is_(False), rows.removed_by.is_(None))
    return select(func.coalesce(amount, 0)).where(*live).scalar_subquery()


_TOTAL = select(
    _of_live(func.count(_LINES.c.id), LineRow),
    _of_live(func.sum(_LINES.c.price_minor), LineRow),
    _of_live(func.sum(_FEES.c.amount_minor), FeeRow),
)


class OrderTotal(NamedTuple):
    """The number of an order's lines and their price, including the draft."""

    lines: int
    """The number of live lines."""
    total: Money
    """The price of the live lines plus the fees in force."""


def order_total(tx: Session, row: OrderRow) -> OrderTotal:
    """Return the total of an order, including its draft."""
    tx.flush()
    lines, prices, fees = tx.connection().execute(_TOTAL, {"order": row.number}).one()
    return OrderTotal(int(lines), Money(int(prices) + int(fees), row.currency))


def summary_of(tx: Session, row: OrderRow, total: Money | None = None) -> OrderSummary:
    """Return a summary of an order's state without personal data; `total` is its total where that is known."""
    total = order_total(tx, row).total if total is None else total
    payments = payments_of(tx, row.number, row.currency)
    refund_owed = unpaid_refunds(payments, row.currency)
    return OrderSummary(
        number=row.number,
        status=row.status,
        version=row.version,
        currency=row.currency,
        balance=balance_of(total, payments),
        total=total,
        expires_at=row.expires_at,
        last_event=row.last_event,
        draft=row.draft_opened_by is not None,
        refund_owed=refund_owed if refund_owed.minor else None,
    )
