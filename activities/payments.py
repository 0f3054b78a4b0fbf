"""Authorises and voids payments, and settles the price difference: the point of no return."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.support import inventory_holds
from activities.support.deadlines import CONFIRMATION_NEEDS, check_holds_last, limit_of
from activities.support.draft_end import set_draft_end
from activities.support.errors import AnswersDifferError
from activities.support.move_answers import find_authorised
from activities.support.move_records import amount_data
from activities.support.move_runner import MoveRunner, record_difference
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Pivot, Reversible
from domain.changes import ChangeKind, PaymentMeans
from domain.money import Money
from domain.orders import Order
from domain.refusals import AuthorisationTooShort
from domain.settlement import Move, MoveKind, settlement
from providers.errors import ActionRequiredError, HoldCostsMoneyError, HoldIsGoneError, PaymentDeclinedError
from providers.protocols import Authorised
from store.changes import changes
from store.changes.new_records import Size
from store.orders import ledger, moves, reservations
from store.orders.events import EventType, append
from store.orders.ledger import References
from store.orders.orders import lock_order
from store.orders.reservations import KeptReservation
from store.orders.totals import order_total
from store.tables import MoveRow, OrderRow, StepRecordRow
from temporal.names import StepName, System

AUTHORISATION_NEEDS = timedelta(minutes=10)
"""How long an authorisation must last: the draft that it pays for ends before it."""


class AuthorisePaymentCommand(Command):
    """Authorise an amount with the request's means of payment."""

    step: ClassVar[str] = StepName.AUTHORISE_PAYMENT
    amount: Money

    def summary(self) -> str:
        """Describe the step, with its amount."""
        return f"authorise {self.amount.display}"


class AuthorisePaymentResult(BaseModel):
    """The amount is authorised. A payment moves the draft's deadline."""

    expires_at: datetime | None


@final
class AuthorisePayment(Reversible[AuthorisePaymentCommand, AuthorisePaymentResult]):
    """Authorises an amount.

    Raises PaymentRefused, PaymentActionRequired, and AuthorisationTooShort for one that ends too soon.
    """

    system = System.PAYMENTS
    undo_name = StepName.VOID_PAYMENT

    def call(
        self, context: StepContext, order: OrderRow, command: AuthorisePaymentCommand
    ) -> tuple[Authorised, PaymentMeans]:
        """Authorise with the request's means of payment."""
        means = _means_of(context, command)
        amount = (command.amount, means.method, means.token)
        return context.payments.authorise(order.tenant, command.key, *amount), means

    def call_again(
        self, context: StepContext, order: OrderRow, command: AuthorisePaymentCommand
    ) -> tuple[Authorised, PaymentMeans]:
        """Ask what became of the key, then authorise under it; believe no refusal before the provider has said that."""
        about = (context.payments, order.tenant, command.key, command.amount, _means_of(context, command).token)
        try:
            found = find_authorised(*about)
            if found is not None:
                return found, _means_of(context, command)
            try:
                return self.call(context, order, command)
            except (PaymentDeclinedError, ActionRequiredError) as declined:
                found = find_authorised(*about, refused=declined)
                if found is None:
                    raise
                return found, _means_of(context, command)
        except AnswersDifferError as error:
            with context.store.write() as tx:
                locked = lock_order(tx, command.order)
                record_difference(tx, locked, command, command.key, error, context.store.now())
            raise

    def record(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: AuthorisePaymentCommand,
        response: tuple[Authorised, PaymentMeans],
    ) -> AuthorisePaymentResult:
        """Add the payment to the order."""
        now, (authorised, means) = context.store.now(), response
        if authorised.expires_at is not None and authorised.expires_at < now + AUTHORISATION_NEEDS:
            # Its undo voids it.
            raise AuthorisationTooShort({"until": authorised.expires_at.isoformat()})
        about = (means.method, authorised.reference, now, authorised.expires_at)
        entry = (command.key, command.change, command.amount, *about)
        ledger.record_authorisation(tx, order, *entry)
        if changes.existing(tx, command.change).kind == ChangeKind.PAY:
            set_draft_end(context, tx, order, command.change)
            changes.record_findings(tx, command.change, draft_opened_by=order.draft_opened_by)
        append(tx, order, EventType.PAYMENT_AUTHORISED, command.change, now, amount_data(command.amount))
        return AuthorisePaymentResult(expires_at=order.expires_at)

    def size(self, tx: Session, order: OrderRow, command: AuthorisePaymentCommand, response: Any) -> Size:
        """Return the amount that the step authorises and its undo voids."""
        return Size(command.amount)

    def undo_call(self, context: StepContext, order: OrderRow, command: AuthorisePaymentCommand) -> None:
        """Void the authorisation under the key, if there is one.

        One that was captured and paid back, or has ended by itself, has nothing left to void.
        """
        with context.store.read() as tx:
            payment = ledger.find_payment(tx, command.key)
        if payment is None:
            context.payments.void(order.tenant, command.key, None, _means_of(context, command).token)
        elif payment.open:
            context.payments.void(order.tenant, command.key, payment.reference)

    def revert(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: AuthorisePaymentCommand,
        result: AuthorisePaymentResult,
    ) -> None:
        """Mark the payment as voided, unless it pays for nothing any more."""
        now, payment = context.store.now(), ledger.find_payment(tx, command.key)
        if payment is None or not payment.open:
            return
        move = Move(kind=MoveKind.VOID, payment=command.key, amount=command.amount)
        ledger.record_move(tx, order, f"{command.key}/undo", command.change, move, now)
        append(tx, order, EventType.PAYMENT_VOIDED, command.change, now, amount_data(command.amount))

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


@final
class SettlePriceDifference(Pivot[SettlePriceDifferenceCommand, SettlePriceDifferenceResult]):
    """Captures or refunds the difference, move by move; 0.00 moves nothing.

    If one of several captures is refused, those before it are refunded and the step is refused. A refund that one
    payment declines goes to the others; what none takes is owed to the customer. If refused, it has no effect; once
    done, it is never undone.

    Raises PaymentRefused, RefundRefused, BalanceNotZero, HoldTooShort, and the refusal of a time limit that has passed.
    """

    system = System.PAYMENTS
    has_moves = True

    def precheck(
        self, context: StepContext, tx: Session, order: OrderRow, command: SettlePriceDifferenceCommand
    ) -> None:
        """Refuse a draft whose time is over, or whose holds last too short.

        Never looked at again once the provider was asked.
        """
        limit = limit_of(order)
        now = context.store.now()
        if limit is not None and now >= limit.at:
            raise limit.refusal()
        if System.SEATS in context.external_systems:
            check_holds_last(tx, order, now)

    def freeze(self, context: StepContext, tx: Session, order: OrderRow, command: SettlePriceDifferenceCommand) -> None:
        """Write the moves, which are never worked out again."""
        moves.insert(tx, _plan(tx, order, command)[0])

    def size(
        self, tx: Session, order: OrderRow, command: SettlePriceDifferenceCommand, response: list[MoveRow] | None
    ) -> Size:
        """Return the sum of the moves that the provider makes."""
        rows = moves.of_step(tx, command.change, command.step) if response is None else response
        return Size(moves.sum_by_provider(rows, order.currency))

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
        until = max(deadlines.holds_until(deadlines.draft_ends(order, now)), now + CONFIRMATION_NEEDS)
        extended, answered = _extended(context, order.tenant, held, until)
        kept = {row.id for row in extended}
        with context.store.write() as tx:
            # Another attempt may have gone on meanwhile, so that they are confirmed or released by now.
            lock_order(tx, order.number)
            rows = [row for row in reservations.still_held(tx, order.number) if row.id in kept]
            reservations.set_expiry(tx, rows, until, answered)

    def call(self, context: StepContext, order: OrderRow, command: SettlePriceDifferenceCommand) -> list[MoveRow]:
        """Make the moves; return them."""
        runner = MoveRunner(context, command)
        if self.calls_outside(context):
            return runner.make_external(order)
        with context.store.write() as tx:
            return runner.make_embedded(tx, order, *_plan(tx, order, command))

    def record(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: SettlePriceDifferenceCommand,
        response: list[MoveRow],
    ) -> SettlePriceDifferenceResult:
        """Return the sums of the moves: each was entered in the ledger when it was made."""
        captured, refunded, owing = (
            moves.sum_made(response, kind, order.currency) for kind in (MoveKind.CAPTURE, MoveKind.REFUND, MoveKind.OWE)
        )
        return SettlePriceDifferenceResult(
            captured=captured, refunded=refunded, refund_owed=owing if owing.minor else None
        )


def _plan(
    tx: Session, order: OrderRow, command: SettlePriceDifferenceCommand
) -> tuple[list[MoveRow], dict[str, References]]:
    """Return the moves that settle a draft, with what the provider calls the payments. Raises BalanceNotZero."""
    due = order_total(tx, order).total
    payments = ledger.payments_with_references(tx, order.number, order.currency)
    planned = settlement(due, [payment for payment, _ in payments])
    references = {payment.key: references for payment, references in payments}
    return moves.plan(order, command.change, command.step, planned), references


def _means_of(context: StepContext, command: AuthorisePaymentCommand) -> PaymentMeans:
    with context.store.read() as tx:
        request = changes.request_of(changes.existing(tx, command.change))
    return request.payment or PaymentMeans(method="none", token="none")  # noqa: S106 - no secret: the request had no payment


def _extended(
    context: StepContext, tenant: str, held: Sequence[KeptReservation], until: datetime
) -> tuple[list[KeptReservation], datetime | None]:
    """Extend these holds; return those that are extended, and their end if it is earlier.

    One that is lost, or would cost money, must not take the others with it.
    """
    try:
        return list(held), inventory_holds.extend(context, tenant, [row.reference for row in held], until)
    except (HoldIsGoneError, HoldCostsMoneyError):
        kept, ends = [], []
        for row in held:
            with suppress(HoldIsGoneError, HoldCostsMoneyError):
                ends.append(inventory_holds.extend(context, tenant, [row.reference], until))
                kept.append(row)
        return kept, min((end for end in ends if end is not None), default=None)


AUTHORISE_PAYMENT = AuthorisePayment()
SETTLE_PRICE_DIFFERENCE = SettlePriceDifference()
