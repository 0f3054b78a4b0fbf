"""Authorises and voids payments, and settles the price difference: the point of no return."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.support.deadlines import Deadlines, limit_of
from activities.support.settlement_attempts import next_attempt, record_declined
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Command, Nothing, Pivot, Reversible
from domain.changes import ChangeKind, PaymentMeans
from domain.money import Money, total
from domain.settlement import Move, MoveKind
from providers.errors import RefundDeclinedError
from providers.protocols import PaymentProvider
from store.changes import changes
from store.orders import ledger
from store.orders.events import EventType, append
from store.orders.orders import lock_order
from store.tables import OrderRow
from temporal.names import StepName, System


class AuthorisePaymentCommand(Command):
    """Authorise an amount with the request's means of payment."""

    step: ClassVar[str] = StepName.AUTHORISE_PAYMENT
    amount: Money

    @property
    def moves(self) -> Money:
        """The amount that the step authorises and its undo voids."""
        return self.amount

    def summary(self) -> str:
        """Describe the step, with its amount."""
        return f"authorise {self.amount.display}"


class AuthorisePaymentResult(BaseModel):
    """The amount is authorised. A payment moves the draft's deadline."""

    expires_at: datetime | None


class SettlePriceDifferenceCommand(Command):
    """Capture or refund exactly the price difference of the draft."""

    step: ClassVar[str] = StepName.SETTLE_PRICE_DIFFERENCE

    def summary(self) -> str:
        """Describe the step."""
        return "capture or refund the price difference: the point of no return"


class SettlePriceDifferenceResult(BaseModel):
    """The captured and the refunded amount, and the part of the refund that no payment took."""

    captured: Money
    refunded: Money
    refund_owed: Money | None = None


_EVENTS = {
    MoveKind.CAPTURE: EventType.PAYMENT_CAPTURED,
    MoveKind.REFUND: EventType.PAYMENT_REFUNDED,
    MoveKind.VOID: EventType.PAYMENT_VOIDED,
    MoveKind.OWE: EventType.REFUND_OWED,
}


class PaymentActivities:
    """The steps that move money."""

    def __init__(self, executor: StepExecutor, payments: PaymentProvider, deadlines: Deadlines) -> None:
        self._executor = executor
        self._payments = payments
        self._deadlines = deadlines

    @activity.defn(name=StepName.AUTHORISE_PAYMENT, no_thread_cancel_exception=True)
    def authorise_payment(self, command: AuthorisePaymentCommand) -> AuthorisePaymentResult:
        """Authorise an amount. Raises PaymentRefused."""
        store = self._executor.store

        def authorise(order: OrderRow) -> tuple[str, PaymentMeans]:
            with store.read() as tx:
                request = changes.request_of(changes.existing(tx, command.change))
            means = request.payment or PaymentMeans(method="none", token="none")  # noqa: S106 - no secret: the request had no payment
            amount = (command.amount, means.method, means.token)
            return self._payments.authorise(order.tenant, command.key, *amount), means

        def record(tx: Session, order: OrderRow, authorised: tuple[str, PaymentMeans]) -> AuthorisePaymentResult:
            now, (reference, means) = store.now(), authorised
            entry = (command.key, command.change, command.amount, means.method, reference, now)
            ledger.record_authorisation(tx, order, *entry)
            if changes.existing(tx, command.change).kind == ChangeKind.PAY:
                order.expires_at = self._deadlines.ends_with_offers(tx, order, now)
                changes.record_findings(tx, command.change, draft_opened_by=order.draft_opened_by)
            data = {"amount": str(command.amount), "currency": command.amount.currency}
            append(tx, order, EventType.PAYMENT_AUTHORISED, command.change, now, data)
            return AuthorisePaymentResult(expires_at=order.expires_at)

        return self._executor.run(
            command, AuthorisePaymentResult, self._payments, authorise, record, self._void(command)
        )

    @activity.defn(name=StepName.VOID_PAYMENT, no_thread_cancel_exception=True)
    def void_payment(self, command: AuthorisePaymentCommand) -> Nothing:
        """Void the authorisation of a change, if there is one."""

        def revert(tx: Session, order: OrderRow, _result: str) -> None:
            now = self._executor.store.now()
            move = Move(kind=MoveKind.VOID, payment=command.key, amount=command.amount)
            ledger.record_move(tx, order, f"{command.key}/undo", command.change, move, now)
            data = {"amount": str(command.amount), "currency": command.amount.currency}
            append(tx, order, EventType.PAYMENT_VOIDED, command.change, now, data)

        return self._executor.undo(command, revert, self._payments, self._void(command))

    def _void(self, command: AuthorisePaymentCommand) -> Callable[[OrderRow], None]:
        return lambda order: self._payments.void(order.tenant, command.key)

    @activity.defn(name=StepName.SETTLE_PRICE_DIFFERENCE, no_thread_cancel_exception=True)
    def settle_price_difference(self, command: SettlePriceDifferenceCommand) -> SettlePriceDifferenceResult:
        """Capture or refund the difference; 0.00 moves nothing.

        A refund that one payment declines goes to the others; what none takes is owed to the customer. If refused, it
        has no effect; once done, it is never undone.

        Raises PaymentRefused, RefundRefused, BalanceNotZero, and the refusal of a time limit that has passed.
        """
        store = self._executor.store

        def record(tx: Session, row: OrderRow, moves: list[Move]) -> SettlePriceDifferenceResult:
            for move in moves:
                ledger.record_move(tx, row, command.key, command.change, move, store.now())
                data = {"amount": str(move.amount), "currency": move.amount.currency}
                append(tx, row, _EVENTS[move.kind], command.change, store.now(), data)
            captured, refunded, owing = (
                _sum(row, moves, kind) for kind in (MoveKind.CAPTURE, MoveKind.REFUND, MoveKind.OWE)
            )
            return SettlePriceDifferenceResult(
                captured=captured, refunded=refunded, refund_owed=owing if owing.minor else None
            )

        def check_time(_tx: Session, row: OrderRow) -> None:
            limit = limit_of(row)
            if limit is not None and store.now() >= limit.at:
                raise limit.refusal()

        # Looked at before the provider is first asked, under the order's lock; never again once it was asked.
        return self._executor.run(
            command,
            SettlePriceDifferenceResult,
            self._payments,
            lambda row: self._settle(command, row),
            record,
            precheck=check_time,
        )

    def _settle(self, command: SettlePriceDifferenceCommand, row: OrderRow) -> list[Move]:
        """Settle without the payments that decline a refund, until the provider makes the moves; return them.

        A payment that declines is recorded before the next attempt. So a retry after a crash goes on with that attempt
        and sends the same moves under the same key as before.
        """
        while True:
            with self._executor.store.read() as tx:
                attempt = next_attempt(tx, row, command.change)
            if not attempt.by_provider or command.done_by_hand_reason is not None:
                return attempt.moves
            try:
                self._payments.settle(row.tenant, attempt.key, attempt.by_provider)
            except RefundDeclinedError as declined:
                refund = attempt.refund_of(declined.payment)
                if refund is None:
                    raise
                with self._executor.store.write() as tx:
                    # An embedded provider shares the step's transaction, which writes this row at its end.
                    order = lock_order(tx, row.number) if self._payments.external else row
                    record_declined(tx, order, command.change, refund, self._executor.store.now())
            else:
                return attempt.moves


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
