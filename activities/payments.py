"""Sets money aside, lets it go, and settles what is owed: the point of no return."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.support.deadlines import Deadlines
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Command, Nothing, Pivot, Reversible
from domain.changes import ChangeKind, PaymentMeans
from domain.money import Money, total
from domain.settlement import Move, MoveKind, settlement
from providers.protocols import PaymentProvider
from store.changes import changes
from store.orders import ledger
from store.orders.events import EventType, append
from store.orders.totals import order_total
from store.tables import OrderRow
from temporal.names import StepName, System


class AuthorisePaymentCommand(Command):
    """Set money aside, with the means the request names."""

    step: ClassVar[str] = StepName.AUTHORISE_PAYMENT
    amount: Money

    @property
    def moves(self) -> Money:
        """What is set aside, and let go by its undo."""
        return self.amount

    def summary(self) -> str:
        """Say how much."""
        return f"set aside {self.amount.display}"


class AuthorisePaymentResult(BaseModel):
    """Money is set aside; a payment moves the draft's deadline."""

    expires_at: datetime | None


class SettlePriceDifferenceCommand(Command):
    """Take or pay back exactly what the draft comes to."""

    step: ClassVar[str] = StepName.SETTLE_PRICE_DIFFERENCE

    def summary(self) -> str:
        """Say what is settled."""
        return "capture or refund the price difference: the point of no return"


class SettlePriceDifferenceResult(BaseModel):
    """What was taken and what was paid back."""

    captured: Money
    refunded: Money


_EVENTS = {
    MoveKind.CAPTURE: EventType.PAYMENT_CAPTURED,
    MoveKind.REFUND: EventType.PAYMENT_REFUNDED,
    MoveKind.VOID: EventType.PAYMENT_VOIDED,
}


class PaymentActivities:
    """Everything done with money."""

    def __init__(self, once: StepExecutor, payments: PaymentProvider, deadlines: Deadlines) -> None:
        self._once = once
        self._payments = payments
        self._deadlines = deadlines

    @activity.defn(name=StepName.AUTHORISE_PAYMENT, no_thread_cancel_exception=True)
    def authorise_payment(self, command: AuthorisePaymentCommand) -> AuthorisePaymentResult:
        """Set money aside. Raises PaymentRefused."""
        store = self._once.store

        def authorise(order: OrderRow) -> tuple[str, PaymentMeans]:
            with store.read() as tx:
                request = changes.request_of(changes.existing(tx, command.change))
            means = request.payment or PaymentMeans(method="none", token="none")  # noqa: S106 - no secret: nothing was sent
            amount = (command.amount, means.method, means.token)
            return self._payments.authorise(order.tenant, command.key, *amount), means

        def note(tx: Session, order: OrderRow, heard: tuple[str, PaymentMeans]) -> AuthorisePaymentResult:
            now, (reference, means) = store.now(), heard
            entry = (command.key, command.change, command.amount, means.method, reference, now)
            ledger.authorised(tx, order, *entry)
            if changes.existing(tx, command.change).kind == ChangeKind.PAY:
                order.expires_at = self._deadlines.ends_with_offers(tx, order, now)
                changes.record_findings(tx, command.change, draft_opened_by=order.draft_opened_by)
            data = {"amount": str(command.amount), "currency": command.amount.currency}
            append(tx, order, EventType.PAYMENT_AUTHORISED, command.change, now, data)
            return AuthorisePaymentResult(expires_at=order.expires_at)

        return self._once.run(command, AuthorisePaymentResult, self._payments, authorise, note, self._void(command))

    @activity.defn(name=StepName.VOID_PAYMENT, no_thread_cancel_exception=True)
    def void_payment(self, command: AuthorisePaymentCommand) -> Nothing:
        """Let go what was set aside under a change, if anything."""

        def reverse(tx: Session, order: OrderRow, _answer: str) -> None:
            now = self._once.store.now()
            move = Move(kind=MoveKind.VOID, payment=command.key, amount=command.amount)
            ledger.moved(tx, order, f"{command.key}/undo", command.change, move, now)
            data = {"amount": str(command.amount), "currency": command.amount.currency}
            append(tx, order, EventType.PAYMENT_VOIDED, command.change, now, data)

        return self._once.undo(command, reverse, self._payments, self._void(command))

    def _void(self, command: AuthorisePaymentCommand) -> Callable[[OrderRow], None]:
        return lambda order: self._payments.void(order.tenant, command.key)

    @activity.defn(name=StepName.SETTLE_PRICE_DIFFERENCE, no_thread_cancel_exception=True)
    def settle_price_difference(self, command: SettlePriceDifferenceCommand) -> SettlePriceDifferenceResult:
        """Capture, refund, or nothing for 0.00. Refused, it has done nothing; done, it is never undone.

        Raises PaymentRefused, RefundRefused, BalanceNotZero.
        """
        store = self._once.store

        def settle(row: OrderRow) -> list[Move]:
            with store.read() as tx:
                moves = to_settle(tx, row)
            if moves and command.done_by_hand_reason is None:
                self._payments.settle(row.tenant, command.key, moves)
            return moves

        def note(tx: Session, row: OrderRow, moves: list[Move]) -> SettlePriceDifferenceResult:
            for move in moves:
                ledger.moved(tx, row, command.key, command.change, move, store.now())
                data = {"amount": str(move.amount), "currency": move.amount.currency}
                append(tx, row, _EVENTS[move.kind], command.change, store.now(), data)
            captured, refunded = (_sum(row, moves, kind) for kind in (MoveKind.CAPTURE, MoveKind.REFUND))
            return SettlePriceDifferenceResult(captured=captured, refunded=refunded)

        return self._once.run(command, SettlePriceDifferenceResult, self._payments, settle, note)


def to_settle(tx: Session, row: OrderRow) -> list[Move]:
    """Return the moves that settle an order's draft. Raises BalanceNotZero."""
    return settlement(order_total(tx, row).total, ledger.payments_of(tx, row.number, row.currency))


def _sum(row: OrderRow, moves: list[Move], kind: MoveKind) -> Money:
    return total((move.amount for move in moves if move.kind is kind), row.currency)


AUTHORISE_PAYMENT = Reversible(
    AuthorisePaymentCommand,
    PaymentActivities.authorise_payment,
    undo=PaymentActivities.void_payment,
    undo_name=StepName.VOID_PAYMENT,
    system=System.PAYMENTS,
)
SETTLE_PRICE_DIFFERENCE = Pivot(
    SettlePriceDifferenceCommand, PaymentActivities.settle_price_difference, system=System.PAYMENTS
)
