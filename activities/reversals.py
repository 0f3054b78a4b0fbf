"""Reverses a change that is stuck after its point of no return: an operator's way back to the old version.

A reversal begins by withdrawing the keys of the change's final steps, so that no retry and no recovery goes forward any
more. Then every capture is refunded, the steps of the draft are undone, and the change ends as undone.
"""

from datetime import datetime
from typing import Any, ClassVar, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.drafts import CONFIRM_ORDER, ConfirmOrderCommand, close_reversed_draft
from activities.outcomes import end_change
from activities.plans import (
    OperatorRequest,
    PlanChangeCommand,
    claim,
    leaves_to_newer_worker,
    record_operator_request,
)
from activities.recovery import RecordedStep, recorded_step
from activities.reseats import HOLD_OTHER_SEATS, ReseatCommand
from activities.seats import CONFIRM_SEATS, ConfirmSeatsCommand
from activities.support.final_attempts import check_not_confirmed
from activities.support.move_runner import MoveRunner
from activities.support.old_seats import are_old_seats_kept
from activities.support.step_context import StepContext
from activities.support.step_kinds import EXTERNAL_ATTEMPT, Command, Executor, Final, Pivot
from domain.changes import ChangeState
from domain.formats import NewerWorkerNeededError
from domain.money import Money, total
from domain.orders import OrderStatus
from domain.refusals import (
    MoneyPaidBack,
    NothingToReverse,
    OldSeatsUnknown,
)
from domain.reseats import Reseat
from domain.settlement import Move, MoveKind
from store.changes import changes, reseats, reversals, step_records
from store.changes.new_records import NewRecord, Size
from store.orders import ledger, moves, reservations
from store.orders.events import EventType, append
from store.tables import ChangeRow, MoveRow, OrderRow
from temporal.names import REVERSED, StepName, System, step_key

FINALS = (CONFIRM_SEATS, CONFIRM_ORDER)
"""The final steps after a settlement that keep a record; a test compares them with the flows."""


class Capture(BaseModel):
    """What a change captured of one payment."""

    payment: str
    amount: Money


class BeginReversalCommand(Command):
    """Withdraw the final steps of the change that is stuck."""

    step: ClassVar[str] = StepName.BEGIN_REVERSAL
    operator_request: OperatorRequest | None = None
    old_seats_kept: bool | None = None
    """Whether the inventory still has the seats that the change gives up for the order; None before it was asked."""

    def summary(self) -> str:
        """Describe the step."""
        return "begin the reversal: the stuck change does not go forward any more"


class BeginReversalResult(BaseModel):
    """What is left to do: the captures to refund and the steps to undo."""

    reversed_change: str = ""
    captures: tuple[Capture, ...] = ()
    steps: tuple[RecordedStep, ...] = ()
    """The steps of the draft that are undone, first done first."""
    already_ended: ChangeState | None = None
    """The outcome that the reversal has already; then there is nothing to do."""
    code: str | None = None
    left_to_newer_worker: bool = False
    """Whether this release does not know the format of the request, so that nothing has happened."""


@final
class BeginReversal(Pivot[BeginReversalCommand, BeginReversalResult]):
    """Claims a reversal and withdraws the final steps of the change that is stuck.

    Raises NothingToReverse, MoneyPaidBack, SeatsConfirmed, OutcomeUnknown and OldSeatsUnknown.
    """

    system = System.STORE
    attempt = EXTERNAL_ATTEMPT

    def execute(self, executor: Executor, command: BeginReversalCommand) -> BeginReversalResult:
        """Ask the inventory for the old seats, outside of the transaction.

        A request of a later format is not retried: the change that is stuck must not wait for it.
        """
        context = executor.context
        with context.store.read() as tx:
            tenant, given_up = reservations.given_up(tx, command.order)
        kept = are_old_seats_kept(context.inventory, tenant, given_up)
        try:
            with leaves_to_newer_worker(context, command.change):
                return executor.run(self, command.model_copy(update={"old_seats_kept": kept}))
        except NewerWorkerNeededError:
            return BeginReversalResult(left_to_newer_worker=True)

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: BeginReversalCommand, response: Any
    ) -> BeginReversalResult:
        """Check, withdraw the final steps, and return what is left to do."""
        now = context.store.now()
        about = PlanChangeCommand(change=command.change, order=command.order, operator_request=command.operator_request)
        claimed = claim(context, tx, order, about)
        if claimed.already_ended is not None:
            return BeginReversalResult(already_ended=claimed.already_ended, code=claimed.code)
        record_operator_request(tx, order, changes.existing(tx, command.change), now)
        row = check_reversible(tx, order, old_seats_kept=command.old_seats_kept)
        reseat = reseats.latest(tx, order.number, row.id)
        for each in (
            ConfirmSeatsCommand(change=row.id, order=order.number, reseat=reseat.number if reseat else 0),
            ConfirmOrderCommand(change=row.id, order=order.number),
        ):
            step_records.withdraw(tx, order.tenant, NewRecord(each), now)
        captured = ledger.moves_on_payments(tx, row.id, MoveKind.CAPTURE, order.currency)
        for record in reversals.authorisations(tx, order, row.id):
            # The settlement has let go of it, or it has ended or gone back before: nothing is left to void.
            if record.key not in dict(captured):
                step_records.end_undo(tx, record, now)
        if reseat is not None and not reseats.is_finished(tx, reseat):
            # Its hold may be under way: from now on it is undone as soon as it is answered.
            _begin_undo_of_hold(tx, order, reseat, now)
        changes.set_state(tx, row.id, ChangeState.UNDOING)
        return BeginReversalResult(
            reversed_change=row.id,
            captures=tuple(Capture(payment=payment, amount=amount) for payment, amount in captured),
            steps=tuple(recorded_step(each) for each in reversals.steps_to_undo(tx, order, row.id)),
        )


def _begin_undo_of_hold(tx: Session, order: OrderRow, reseat: Reseat, now: datetime) -> None:
    numbered = reseat.model_dump(include={"number", "seats", "units"})
    hold = ReseatCommand(change=reseat.change, order=order.number, **numbered)
    record = step_records.find(tx, hold.key)
    if record is None:
        step_records.record_withdrawing(tx, order.tenant, HOLD_OTHER_SEATS.new_record(tx, order, hold), now)
    else:
        step_records.begin_undo(tx, record)


def check_reversible(tx: Session, order: OrderRow, *, old_seats_kept: bool | None) -> ChangeRow:
    """Return the change of an order that is stuck after its settlement, if it can be reversed.

    Raises NothingToReverse, MoneyPaidBack, SeatsConfirmed, OutcomeUnknown and OldSeatsUnknown.
    """
    row = reversals.settled_change(tx, order.number)
    if row is None:
        raise NothingToReverse
    moved = dict(ledger.moves_of_change(tx, row.id, order.currency))
    if MoveKind.REFUND in moved or MoveKind.OWE in moved:
        raise MoneyPaidBack
    check_not_confirmed(tx, order.number, row.id)
    if not old_seats_kept:
        raise OldSeatsUnknown
    return row


class RefundCapturesCommand(Command):
    """Refund what the reversed change captured."""

    step: ClassVar[str] = StepName.REFUND_CAPTURES
    captures: tuple[Capture, ...]

    @property
    def amount(self) -> Money:
        """The amount that is refunded."""
        return total((each.amount for each in self.captures), self.captures[0].amount.currency)

    def summary(self) -> str:
        """Describe the step, with its amount."""
        return f"refund {self.amount.display}: the change is reversed"


class RefundCapturesResult(BaseModel):
    """The refunded amount, and the part that no payment took."""

    refunded: Money
    refund_owed: Money


@final
class RefundCaptures(Final[RefundCapturesCommand, RefundCapturesResult]):
    """Refunds each capture to its own payment; what a payment declines is owed to the customer."""

    system = System.PAYMENTS
    has_moves = True

    def freeze(self, context: StepContext, tx: Session, order: OrderRow, command: RefundCapturesCommand) -> None:
        """Write the refunds."""
        moves.insert(tx, _plan(order, command))

    def size(self, tx: Session, order: OrderRow, command: RefundCapturesCommand, response: Any) -> Size:
        """Return the amount that is refunded."""
        return Size(command.amount)

    def call(self, context: StepContext, order: OrderRow, command: RefundCapturesCommand) -> list[MoveRow]:
        """Make the refunds; return them."""
        runner = MoveRunner(context, command, final=True)
        if self.calls_outside(context):
            return runner.make_external(order)
        with context.store.write() as tx:
            payments = ledger.payments_with_references(tx, order.number, order.currency)
            references = {payment.key: references for payment, references in payments}
            return runner.make_embedded(tx, order, _plan(order, command), references)

    def record(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: RefundCapturesCommand,
        response: list[MoveRow],
    ) -> RefundCapturesResult:
        """End the undo of each authorisation: its refund is its way back, too."""
        for capture in command.captures:
            step_records.end_undo(tx, step_records.of_key(tx, capture.payment), context.store.now())
        refunded, owing = (moves.sum_made(response, kind, order.currency) for kind in (MoveKind.REFUND, MoveKind.OWE))
        return RefundCapturesResult(refunded=refunded, refund_owed=owing)


def _plan(order: OrderRow, command: RefundCapturesCommand) -> list[MoveRow]:
    refunds = [Move(kind=MoveKind.REFUND, payment=each.payment, amount=each.amount) for each in command.captures]
    return moves.plan(order, command.change, command.step, refunds)


class EndReversalCommand(Command):
    """End the reversed change as undone."""

    step: ClassVar[str] = StepName.END_REVERSAL
    reversed_change: str

    def summary(self) -> str:
        """Describe the step."""
        return "end the reversed change"


class EndReversalResult(BaseModel):
    """The order's status after the reversal."""

    status: OrderStatus


@final
class EndReversal(Final[EndReversalCommand, EndReversalResult]):
    """Ends the reversed change as undone, its draft, and the reversal itself, in one transaction."""

    system = System.STORE

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: EndReversalCommand, response: Any
    ) -> EndReversalResult:
        """Record both outcomes."""
        now = context.store.now()
        row = changes.existing(tx, command.reversed_change)
        settled = step_records.of_key(tx, step_key(row.id, StepName.SETTLE_PRICE_DIFFERENCE))
        step_records.end_undo(tx, settled, now)
        append(tx, order, EventType.CHANGE_REVERSED, row.id, now, {"reversal": command.change})
        close_reversed_draft(tx, order, row, now)
        end_change(tx, order, row, ChangeState.UNDONE, REVERSED, now)
        for reseat in reseats.begun(tx, order.number):
            if reseat.reseat.change == row.id:
                # A request for a reseat that this reversal has overtaken; the others have their outcome.
                end_change(tx, order, changes.existing(tx, reseat.request), ChangeState.UNDONE, REVERSED, now)
        end_change(tx, order, changes.existing(tx, command.change), ChangeState.DONE, None, now)
        return EndReversalResult(status=OrderStatus(order.status))


BEGIN_REVERSAL = BeginReversal()
REFUND_CAPTURES = RefundCaptures()
END_REVERSAL = EndReversal()
