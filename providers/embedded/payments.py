"""The payment provider on our own database. It accepts every token except the three below, which test refusals."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, update

from domain.money import Money
from domain.settlement import Move, MoveKind
from providers.errors import PaymentDeclinedError, RefundDeclinedError
from store.database.column_types import SafeInteger
from store.database.inserts import ConditionalInsert, table_of
from store.database.store import Store
from store.tables import EmbeddedPaymentRow

DECLINE = "tok_decline"
"""Its authorisation is declined."""
REFUSE_CAPTURE = "tok_refuse_capture"
"""It is authorised, and its capture is declined."""
REFUSE_REFUND = "tok_refuse_refund"
"""It is authorised and captured, and its refund is declined."""

_TABLE = table_of(EmbeddedPaymentRow)
_INSERT = ConditionalInsert(EmbeddedPaymentRow)
_FIND = sa.select(_TABLE).where(_TABLE.c.key == bindparam("of"), _TABLE.c.tenant == bindparam("by"))
_MOVE = update(_TABLE).where(_TABLE.c.key == bindparam("of"))
_AMOUNT = bindparam("amount", type_=SafeInteger())
_MOVES = {
    MoveKind.CAPTURE: _MOVE.values(captured_minor=_TABLE.c.captured_minor + _AMOUNT),
    MoveKind.REFUND: _MOVE.values(refunded_minor=_TABLE.c.refunded_minor + _AMOUNT),
    MoveKind.VOID: _MOVE.values(voided=True),
}


class EmbeddedPayments:
    """Keeps its own record of every payment beside our ledger; an invariant compares the two."""

    external = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
        """Authorise a payment under a key; a repeated call under the same key changes nothing."""
        if token == DECLINE:
            raise PaymentDeclinedError
        with self._store.write() as tx:
            money = {"currency": amount.currency, "authorised_minor": amount.minor}
            fresh = _INSERT.run(tx, {"tenant": tenant, "key": key, "token": token, **money})
            if not fresh and tx.get_one(EmbeddedPaymentRow, key).voided:
                raise PaymentDeclinedError
            return f"bank:{key}"

    def void(self, tenant: str, key: str) -> None:
        """Void the authorisation under a key, if any."""
        with self._store.write() as tx:
            row = tx.get(EmbeddedPaymentRow, key)
            if row is not None:
                row.voided = True
                tx.add(row)

    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        """Make all moves or none. The step's record prevents a second settlement under a key."""
        with self._store.write() as tx:
            # All are checked first: a step that is told of a declined refund goes on in the same transaction.
            for move in moves:
                _check(move, tx.connection().execute(_FIND, {"of": move.payment, "by": tenant}).one())
            for move in moves:
                tx.connection().execute(_MOVES[move.kind], {"of": move.payment, "amount": move.amount.minor})


def _check(move: Move, row: sa.Row[Any]) -> None:
    if move.amount.currency != row.currency:
        raise ValueError("a payment is settled in its own currency")
    if move.kind is MoveKind.CAPTURE and (row.token == REFUSE_CAPTURE or row.voided):
        raise PaymentDeclinedError
    if move.kind is MoveKind.REFUND and row.token == REFUSE_REFUND:
        raise RefundDeclinedError(move.payment)
