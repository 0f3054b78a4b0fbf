"""The ledger: each payment's sums and an append-only entry for every movement of money."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import String, bindparam, func, update
from sqlmodel import Session, col, select

from domain.money import Money
from domain.settlement import Move, MoveKind, Payment
from store.database.column_types import SafeInteger
from store.database.inserts import ConditionalInsert, insert_all, table_of
from store.tables import LedgerRow, OrderRow, PaymentRow

# Run for every order that is loaded, so these statements are built once.
_SUMS = table_of(PaymentRow)
_AMOUNTS = ("authorised_minor", "captured_minor", "refunded_minor", "refund_owed_minor", "paid_out_minor")
_OF_ORDER = _SUMS.c.order_number == bindparam("order", type_=String())
_COLUMNS = _SUMS.c[(*_AMOUNTS, "key", "open", "reference", "capture_reference")]
_PAYMENTS = sa.select(*_COLUMNS).where(_OF_ORDER).order_by(_SUMS.c.number)
_FIRST_END = sa.select(func.min(_SUMS.c.expires_at)).where(_OF_ORDER, _SUMS.c.open)
_AMOUNT = bindparam("amount", type_=SafeInteger())
_MOVE = update(_SUMS).where(_SUMS.c.key == bindparam("of_key"))
_MOVES = {
    MoveKind.CAPTURE: _MOVE.values(
        captured_minor=_SUMS.c.captured_minor + _AMOUNT, open=False, capture_reference=bindparam("capture_name")
    ),
    MoveKind.REFUND: _MOVE.values(refunded_minor=_SUMS.c.refunded_minor + _AMOUNT),
    MoveKind.VOID: _MOVE.values(open=False),
    MoveKind.OWE: _MOVE.values(refund_owed_minor=_SUMS.c.refund_owed_minor + _AMOUNT),
    MoveKind.PAYOUT: _MOVE.values(paid_out_minor=_SUMS.c.paid_out_minor + _AMOUNT),
    MoveKind.REFUND_FAILED: _MOVE.values(refunded_minor=_SUMS.c.refunded_minor - _AMOUNT),
    MoveKind.LOST: _MOVE.values(open=False),
}
_INSERT = ConditionalInsert(
    PaymentRow, number=sa.select(func.count()).select_from(_SUMS).where(_OF_ORDER).scalar_subquery() + 1
)


@dataclass(frozen=True)
class References:
    """The provider's names for a payment's authorisation and for its capture."""

    authorisation: str
    capture: str | None
    """None before the capture, and for one that was done by hand."""


def payments_of(tx: Session, order: str, currency: str) -> list[Payment]:
    """Return an order's payments, oldest first."""
    return [payment for payment, _ in payments_with_references(tx, order, currency)]


def payments_with_references(tx: Session, order: str, currency: str) -> list[tuple[Payment, References]]:
    """Return an order's payments, oldest first, each with what its provider calls it."""
    rows = tx.connection().execute(_PAYMENTS, {"order": order})
    return [
        (
            Payment(
                key=row.key,
                authorised=Money(row.authorised_minor, currency),
                captured=Money(row.captured_minor, currency),
                refunded=Money(row.refunded_minor, currency),
                refund_owed=Money(row.refund_owed_minor, currency),
                paid_out=Money(row.paid_out_minor, currency),
                open=row.open,
            ),
            References(row.reference, row.capture_reference),
        )
        for row in rows
    ]


def find_payment(tx: Session, key: str) -> PaymentRow | None:
    """Return a payment by the key of its authorisation; None if it was never authorised."""
    return tx.get(PaymentRow, key, populate_existing=True)


def record_authorisation(
    tx: Session,
    order: OrderRow,
    key: str,
    change: str,
    amount: Money,
    method: str,
    reference: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Record an authorised payment under a step key, and when it ends by itself.

    Raises LookupError when the key has one already.
    """
    payment = {
        "tenant": order.tenant,
        "order_number": order.number,
        "key": key,
        "method": method,
        "reference": reference,
        "authorised_minor": amount.minor,
        "expires_at": expires_at,
    }
    if not _INSERT.run(tx, payment | {"order": order.number}):
        raise LookupError("a step key has one authorisation at most")
    _append_entry(tx, order, key, key, change, "authorise", amount, now)


def first_end(tx: Session, order: str) -> datetime | None:
    """Return when the first open authorisation of an order ends by itself; None if none does."""
    end: datetime | None = tx.connection().execute(_FIRST_END, {"order": order}).scalar_one()
    return end


def record_move(
    tx: Session, order: OrderRow, key: str, change: str, move: Move, now: datetime, reference: str | None = None
) -> None:
    """Record one movement on a payment, under a key of its own.

    `reference` is the provider's name for a capture. The database refuses a second movement under the same key, a
    refund above the captured amount, and a payout above what is owed.
    Raises LookupError when the payment was never authorised.
    """
    parameters: dict[str, Any] = {"of_key": move.payment, "amount": move.amount.minor}
    if move.kind is MoveKind.CAPTURE:
        parameters["capture_name"] = reference
    if tx.connection().execute(_MOVES[move.kind], parameters).rowcount != 1:
        raise LookupError("the payment was never authorised")
    _append_entry(tx, order, key, move.payment, change, move.kind, move.amount, now)


def moves_of_change(tx: Session, change: str, currency: str) -> list[tuple[MoveKind, Money]]:
    """Return the sums that a change captured, refunded and voided, and those it left owed or paid out."""
    moves = (LedgerRow.change == change, col(LedgerRow.kind).in_(list(MoveKind)))
    query = select(LedgerRow.kind, func.sum(LedgerRow.amount_minor)).where(*moves)
    rows = tx.exec(query.group_by(col(LedgerRow.kind)).order_by(col(LedgerRow.kind)))
    return [(MoveKind(kind), Money(int(minor), currency)) for kind, minor in rows]


def moves_on_payments(tx: Session, change: str, kind: MoveKind, currency: str) -> list[tuple[str, Money]]:
    """Return what a change moved in one way on each payment, by the payment's key, in the order of the entries."""
    moves = select(LedgerRow).where(LedgerRow.change == change, LedgerRow.kind == kind)
    rows = tx.exec(moves.order_by(col(LedgerRow.key)))
    return [(row.payment, Money(row.amount_minor, currency)) for row in rows]


def _append_entry(
    tx: Session, order: OrderRow, key: str, payment: str, change: str, kind: str, amount: Money, now: datetime
) -> None:
    entry = {
        "tenant": order.tenant,
        "order_number": order.number,
        "key": key,
        "payment": payment,
        "kind": kind,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "change": change,
        "at": now,
    }
    insert_all(tx, LedgerRow, [entry])
