"""The attempts at one settlement: each goes without the payments that declined a refund in an earlier one."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from domain.settlement import Move, MoveKind, settlement
from store.orders import ledger
from store.orders.events import EventType, append_once, data_of, of_change
from store.orders.totals import order_total
from store.tables import OrderRow
from temporal.names import StepName, step_key


@dataclass(frozen=True)
class SettlementAttempt:
    """The moves of one attempt, and its key: the step's own for the first, then with a number."""

    key: str
    moves: list[Move]

    @property
    def by_provider(self) -> list[Move]:
        """The moves that the provider makes."""
        return [each for each in self.moves if each.by_provider]

    def refund_of(self, payment: str) -> Move | None:
        """Return the refund to a payment, if the attempt has one."""
        return next((each for each in self.moves if (each.kind, each.payment) == (MoveKind.REFUND, payment)), None)


def next_attempt(tx: Session, row: OrderRow, change: str) -> SettlementAttempt:
    """Return the attempt that settles an order's draft next. Raises BalanceNotZero and RefundRefused."""
    due, payments = order_total(tx, row).total, ledger.payments_of(tx, row.number, row.currency)
    key, moves = step_key(change, StepName.SETTLE_PRICE_DIFFERENCE), settlement(due, payments)
    # Only a refund is declined by one payment, so that a capture costs no look at the events.
    if not any(each.kind is MoveKind.REFUND for each in moves):
        return SettlementAttempt(key, moves)
    declined = of_change(tx, row.number, change, EventType.REFUND_DECLINED)
    if not declined:
        return SettlementAttempt(key, moves)
    refusing = [data_of(each)["payment"] for each in declined]
    return SettlementAttempt(f"{key}/{len(refusing) + 1}", settlement(due, payments, refusing))


def record_declined(tx: Session, order: OrderRow, change: str, refund: Move, now: datetime) -> None:
    """Record that a payment declined its refund in a change's settlement."""
    amount = {"amount": str(refund.amount), "currency": refund.amount.currency}
    append_once(tx, order, EventType.REFUND_DECLINED, change, now, {"payment": refund.payment, **amount})
