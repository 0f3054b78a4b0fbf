"""Records that a refund which no card took was paid to the customer by hand."""

from typing import Any, ClassVar, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Pivot
from domain.changes import ChangeRequest
from domain.dual_control import CONFIRMATION_WINDOW, LOCAL, agreeing_people
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


@final
class RecordPayout(Pivot[RecordPayoutCommand, RecordPayoutResult]):
    """Records that the refund owed to a customer was paid by hand; no provider is called.

    Raises NothingToPayOut, PayoutDiffers, and SecondPersonNeeded above one person's limit: then the request counts as
    the first person's statement.
    """

    system = System.STORE

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: RecordPayoutCommand, response: Any
    ) -> RecordPayoutResult:
        """Enter the payout in the ledger."""
        row, now = changes.existing(tx, command.change), context.store.now()
        request = changes.request_of(row)
        payments = ledger.payments_of(tx, order.number, order.currency)
        amount = _check_amount(request, unpaid_refunds(payments, order.currency))
        people = self._check_people(context, tx, row, amount)
        for number, move in enumerate(pay_out(payments, amount), start=1):
            ledger.record_move(tx, order, f"{command.key}/{number}", command.change, move, now)
        append(tx, order, EventType.REFUND_PAID_BY_HAND, command.change, now, _event_data(amount, people))
        return RecordPayoutResult(paid_out=amount)

    def _check_people(self, context: StepContext, tx: Session, row: ChangeRow, amount: Money) -> tuple[str, ...]:
        """Return the operators who state the payout, last first. Raises SecondPersonNeeded."""
        actor = row.client or LOCAL
        if context.dual_control.may_act_alone(amount, actor):
            return (actor,)
        since = context.store.now() - CONFIRMATION_WINDOW
        people = agreeing_people(actor, payouts.stated_by(tx, row.order_number or "", amount, since))
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


RECORD_PAYOUT = RecordPayout()
