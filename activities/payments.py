"""Authorises and voids payments, and settles the price difference: the point of no return."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import ClassVar, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.deadlines import limit_of
from activities.support.settlement_attempts import SettlementAttempt, next_attempt, record_declined
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Pivot, Reversible
from domain.changes import ChangeKind, PaymentMeans
from domain.money import Money, total
from domain.orders import Order
from domain.settlement import Move, MoveKind
from providers.errors import HoldIsGoneError, RefundDeclinedError
from store.changes import changes
from store.orders import ledger, reservations
from store.orders.events import Data, EventType, append
from store.orders.orders import lock_order
from store.orders.reservations import KeptReservation
from store.tables import OrderRow, StepRecordRow
from temporal.names import StepName, System

SETTLEMENT_HOLD = timedelta(minutes=5)
"""How long holds last at least after an attempt to settle; the next attempt follows within a minute and a half."""


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


@final
class AuthorisePayment(Reversible[AuthorisePaymentCommand, AuthorisePaymentResult]):
    """Authorises an amount. Raises PaymentRefused."""

    system = System.PAYMENTS
    undo_name = StepName.VOID_PAYMENT

    def call(self, context: StepContext, order: OrderRow, command: AuthorisePaymentCommand) -> tuple[str, PaymentMeans]:
        """Authorise with the request's means of payment."""
        with context.store.read() as tx:
            request = changes.request_of(changes.existing(tx, command.change))
        means = request.payment or PaymentMeans(method="none", token="none")  # noqa: S106 - no secret: the request had no payment
        amount = (command.amount, means.method, means.token)
        return context.payments.authorise(order.tenant, command.key, *amount), means

    def record(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: AuthorisePaymentCommand,
        response: tuple[str, PaymentMeans],
    ) -> AuthorisePaymentResult:
        """Add the payment to the order."""
        now, (reference, means) = context.store.now(), response
        entry = (command.key, command.change, command.amount, means.method, reference, now)
        ledger.record_authorisation(tx, order, *entry)
        if changes.existing(tx, command.change).kind == ChangeKind.PAY:
            order.expires_at = context.deadlines.ends_with_offers(tx, order, now)
            changes.record_findings(tx, command.change, draft_opened_by=order.draft_opened_by)
        append(tx, order, EventType.PAYMENT_AUTHORISED, command.change, now, _amount(command.amount))
        return AuthorisePaymentResult(expires_at=order.expires_at)

    def undo_call(self, context: StepContext, order: OrderRow, command: AuthorisePaymentCommand) -> None:
        """Void the authorisation under the key, if there is one."""
        context.payments.void(order.tenant, command.key)

    def revert(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: AuthorisePaymentCommand,
        result: AuthorisePaymentResult,
    ) -> None:
        """Mark the payment as voided."""
        now = context.store.now()
        move = Move(kind=MoveKind.VOID, payment=command.key, amount=command.amount)
        ledger.record_move(tx, order, f"{command.key}/undo", command.change, move, now)
        append(tx, order, EventType.PAYMENT_VOIDED, command.change, now, _amount(command.amount))

    def describe_undo(self, tx: Session, order: Order, record: StepRecordRow) -> Iterator[str]:
        """Yield the amount that is voided."""
        for payment in order.payments:
            if payment.key == record.key and payment.open:
                yield f"{payment.authorised.display} voided"


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


@final
class SettlePriceDifference(Pivot[SettlePriceDifferenceCommand, SettlePriceDifferenceResult]):
    """Captures or refunds the difference; 0.00 moves nothing.

    A refund that one payment declines goes to the others; what none takes is owed to the customer. If refused, it has
    no effect; once done, it is never undone.

    Raises PaymentRefused, RefundRefused, BalanceNotZero, and the refusal of a time limit that has passed.
    """

    system = System.PAYMENTS

    def precheck(
        self, context: StepContext, tx: Session, order: OrderRow, command: SettlePriceDifferenceCommand
    ) -> None:
        """Refuse a draft whose time is over; never looked at again once the provider was asked."""
        limit = limit_of(order)
        if limit is not None and context.store.now() >= limit.at:
            raise limit.refusal()

    def before_retry(self, context: StepContext, order: OrderRow, command: SettlePriceDifferenceCommand) -> None:
        """Extend the draft's holds: a bank may be down for longer than they last.

        Before the first attempt `extend_holds` has done it. What is lost by now refuses nothing any more, since the
        bank may have moved the money already.
        """
        with context.store.read() as tx:
            held = reservations.still_held(tx, order.number)
        if not held:
            return
        deadlines, now = context.deadlines, context.store.now()
        until = max(deadlines.holds_until(deadlines.draft_ends(order, now)), now + SETTLEMENT_HOLD)
        kept = {row.id for row in _extended(context, order.tenant, held, until)}
        with context.store.write() as tx:
            # Another attempt may have gone on meanwhile, so that they are confirmed or released by now.
            lock_order(tx, order.number)
            reservations.set_expiry(
                tx, [row for row in reservations.still_held(tx, order.number) if row.id in kept], until
            )

    def call(self, context: StepContext, order: OrderRow, command: SettlePriceDifferenceCommand) -> list[Move]:
        """Settle without the payments that decline a refund, until the provider makes the moves; return them.

        A payment that declines is recorded before the next attempt. So a retry after a crash goes on with that attempt
        and sends the same moves under the same key as before.
        """
        while True:
            with context.store.read() as tx:
                attempt = next_attempt(tx, order, command.change)
            if not attempt.by_provider or command.done_by_hand_reason is not None:
                return attempt.moves
            try:
                context.payments.settle(order.tenant, attempt.key, attempt.by_provider)
            except RefundDeclinedError as declined:
                self._record_declined(context, order, command, attempt, declined)
            else:
                return attempt.moves

    def _record_declined(
        self,
        context: StepContext,
        order: OrderRow,
        command: SettlePriceDifferenceCommand,
        attempt: SettlementAttempt,
        declined: RefundDeclinedError,
    ) -> None:
        refund = attempt.refund_of(declined.payment)
        if refund is None:
            raise declined
        with context.store.write() as tx:
            # An embedded provider shares the step's transaction, which writes this row at its end.
            row = lock_order(tx, order.number) if self.calls_outside(context) else order
            record_declined(tx, row, command.change, refund, context.store.now())

    def record(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: SettlePriceDifferenceCommand,
        response: list[Move],
    ) -> SettlePriceDifferenceResult:
        """Enter the moves in the ledger."""
        for move in response:
            ledger.record_move(tx, order, command.key, command.change, move, context.store.now())
            append(tx, order, _EVENTS[move.kind], command.change, context.store.now(), _amount(move.amount))
        captured, refunded, owing = (
            _sum(order, response, kind) for kind in (MoveKind.CAPTURE, MoveKind.REFUND, MoveKind.OWE)
        )
        return SettlePriceDifferenceResult(
            captured=captured, refunded=refunded, refund_owed=owing if owing.minor else None
        )


def _extended(
    context: StepContext, tenant: str, held: Sequence[KeptReservation], until: datetime
) -> list[KeptReservation]:
    """Extend these holds, and return those that still exist: one that is lost must not take the others with it."""
    try:
        context.inventory.extend(tenant, [row.reference for row in held], until)
    except HoldIsGoneError:
        kept = []
        for row in held:
            with suppress(HoldIsGoneError):
                context.inventory.extend(tenant, [row.reference], until)
                kept.append(row)
        return kept
    return list(held)


def _amount(amount: Money) -> Data:
    return {"amount": str(amount), "currency": amount.currency}


def _sum(row: OrderRow, moves: list[Move], kind: MoveKind) -> Money:
    return total((move.amount for move in moves if move.kind is kind), row.currency)


AUTHORISE_PAYMENT = AuthorisePayment()
SETTLE_PRICE_DIFFERENCE = SettlePriceDifference()
