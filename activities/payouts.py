"""Records that a refund which no card took was paid to the customer by hand."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Command, Pivot
from domain.changes import ChangeRequest
from domain.dual_control import CONFIRMATION_WINDOW, LOCAL, DualControlPolicy, agreeing_people
from domain.money import Money, zero
from domain.refusals import NothingToPayOut, PayoutDiffers, SecondPersonNeeded
from domain.settlement import pay_out, unpaid_refunds
from store.changes import changes, payouts
from store.orders import ledger
from store.orders.events import Data, EventType, append
from store.tables import ChangeRow, OrderRow
from temporal.names import StepName, System


class RecordPayoutCommand(Command):
    """Record that what is owed to the customer was paid by hand."""

    step: ClassVar[str] = StepName.RECORD_PAYOUT

    def summary(self) -> str:
        """Describe the step."""
        return "record that a refund was paid by hand"


class RecordPayoutResult(BaseModel):
    """The amount that is no longer owed to the customer."""

    paid_out: Money


class PayoutActivities:
    """Records payouts that operators state."""

    def __init__(self, executor: StepExecutor, dual_control: DualControlPolicy) -> None:
        self._executor = executor
        self._dual_control = dual_control

    @activity.defn(name=StepName.RECORD_PAYOUT, no_thread_cancel_exception=True)
    def record_payout(self, command: RecordPayoutCommand) -> RecordPayoutResult:
        """Record that the refund owed to a customer was paid by hand; no provider is called.

        Raises NothingToPayOut, PayoutDiffers, and SecondPersonNeeded above one person's limit: then the request counts
        as the first person's statement.
        """

        def record(tx: Session, order: OrderRow) -> RecordPayoutResult:
            row, now = changes.existing(tx, command.change), self._executor.store.now()
            request = changes.request_of(row)
            payments = ledger.payments_of(tx, order.number, order.currency)
            amount = _check_amount(request, unpaid_refunds(payments, order.currency))
            people = self._check_people(tx, row, amount, now)
            for move in pay_out(payments, amount):
                ledger.record_move(tx, order, command.key, command.change, move, now)
            data = _event_data(amount, people)
            append(tx, order, EventType.REFUND_PAID_BY_HAND, command.change, now, data)
            return RecordPayoutResult(paid_out=amount)

        return self._executor.run_local(command, RecordPayoutResult, record)

    def _check_people(self, tx: Session, row: ChangeRow, amount: Money, now: datetime) -> tuple[str, ...]:
        """Return the operators who state the payout, last first. Raises SecondPersonNeeded."""
        actor = row.client or LOCAL
        if self._dual_control.may_act_alone(amount, actor):
            return (actor,)
        earlier = payouts.stated_by(tx, row.order_number or "", amount, now - CONFIRMATION_WINDOW)
        people = agreeing_people(actor, earlier)
        if people is None:
            raise SecondPersonNeeded
        return people


def _check_amount(request: ChangeRequest, unpaid: Money) -> Money:
    """Return the amount paid out: all that is owed, so that an operator who saw another sum settles nothing."""
    if unpaid == zero(unpaid.currency):
        raise NothingToPayOut
    if request.amount != unpaid:
        raise PayoutDiffers({"amount": str(unpaid), "currency": unpaid.currency})
    return unpaid


def _event_data(amount: Money, people: tuple[str, ...]) -> Data:
    actor, *earlier = people
    confirmed: Data = {"confirmed_by": earlier} if earlier else {}
    return {"amount": str(amount), "currency": amount.currency, "actor": actor, **confirmed}


RECORD_PAYOUT = Pivot(RecordPayoutCommand, PayoutActivities.record_payout, system=System.STORE)
