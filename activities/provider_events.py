"""Serves an event of an outside provider: looks up what became of its key, and records what that changes.

Events arrive late, twice and out of order. So an event only says where to look: what the provider finds under the key
decides, and the event is believed only where the provider cannot say. What has ended stays ended.
"""

from datetime import datetime
from typing import Any, ClassVar, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.move_answers import describe
from activities.support.move_records import record_lost
from activities.support.refund_answers import record_refund_state
from activities.support.step_context import StepContext
from activities.support.step_kinds import Check, Command, Pivot
from domain.money import Money
from domain.provider_events import DISPUTES, REFUNDS, ProviderEventKind
from providers.protocols import Found, FoundState, RefundState
from store.changes import provider_events
from store.orders import disputes, ledger
from store.orders.events import EventType, append_once
from store.orders.totals import summary_of
from store.tables import MoveRow, OrderRow, ProviderEventRow
from temporal.names import StepName, System

_BELIEVED = {
    ProviderEventKind.REFUND_PAID: Found(FoundState.REFUNDED, refund=RefundState.DONE),
    ProviderEventKind.REFUND_FAILED: Found(FoundState.REFUNDED, refund=RefundState.FAILED),
    ProviderEventKind.AUTHORISATION_ENDED: Found(FoundState.VOIDED),
}
"""What an event says, where its provider cannot say what became of the key."""


class LookUpPaymentCommand(Command):
    """Look up what a provider knows of the key that an event is about."""

    step: ClassVar[str] = StepName.LOOK_UP_PAYMENT

    def summary(self) -> str:
        """Describe the step."""
        return "look up what the payment provider notifies us of"


class LookUpPaymentResult(BaseModel):
    """What the provider found; it is not asked about disputes, of which only events tell."""

    state: FoundState | None = None
    refund: RefundState | None = None


@final
class LookUpPayment(Check[LookUpPaymentCommand, LookUpPaymentResult]):
    """Asks the payment provider what became of a refund or of an authorisation, by its key."""

    system = System.PAYMENTS

    def call(self, context: StepContext, order: OrderRow, command: LookUpPaymentCommand) -> Found | None:
        """Ask the provider."""
        with context.store.read() as tx:
            event = provider_events.of_change(tx, command.change)
        return None if event.kind in DISPUTES else context.payments.find(order.tenant, event.key)

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: LookUpPaymentCommand, response: Found | None
    ) -> LookUpPaymentResult:
        """Return what was found."""
        return LookUpPaymentResult(state=response.state, refund=response.refund) if response else LookUpPaymentResult()


class RecordProviderEventCommand(Command):
    """Record what an event of a provider has changed, given what the provider found."""

    step: ClassVar[str] = StepName.RECORD_PROVIDER_EVENT
    state: FoundState | None = None
    refund: RefundState | None = None

    def summary(self) -> str:
        """Describe the step."""
        return "record what has happened at the payment provider"


class RecordProviderEventResult(BaseModel):
    """The amount still to be paid for the order; negative for a refund."""

    balance: Money


@final
class RecordProviderEvent(Pivot[RecordProviderEventCommand, RecordProviderEventResult]):
    """Records on the order what has happened at its provider, which nothing undoes; the event is then served."""

    system = System.STORE

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: RecordProviderEventCommand, response: Any
    ) -> RecordProviderEventResult:
        """Record a refund's end, a lost authorisation or a dispute."""
        event, now = provider_events.of_change(tx, command.change), context.store.now()
        kind = ProviderEventKind(event.kind)
        found = Found(command.state or FoundState.CANNOT_SAY, refund=command.refund)
        if found.state is FoundState.CANNOT_SAY and kind in _BELIEVED:
            found = _BELIEVED[kind]
        if kind in DISPUTES:
            disputes.record(tx, order, event, now)
        elif kind in REFUNDS:
            _record_refund(tx, order, event, found, now)
        else:
            _record_end(tx, order, event, found, command, now)
        event.served_at = now
        tx.flush()
        return RecordProviderEventResult(balance=summary_of(tx, order).balance)


def _record_refund(tx: Session, order: OrderRow, event: ProviderEventRow, found: Found, now: datetime) -> None:
    """Record what became of a refund. One that our settlement has not made as far as it knows is left to it."""
    move = tx.get(MoveRow, event.key)
    if move is not None and move.order_number == order.number:
        record_refund_state(tx, order, move, found, now)


def _record_end(
    tx: Session,
    order: OrderRow,
    event: ProviderEventRow,
    found: Found,
    command: RecordProviderEventCommand,
    now: datetime,
) -> None:
    """Record that an open authorisation is lost, if it is gone at its provider."""
    payment = ledger.find_payment(tx, event.key)
    if payment is None or payment.order_number != order.number or not payment.open:
        return
    if found.state is FoundState.VOIDED:
        record_lost(tx, order, event.key, command.change, f"{command.key}/lost", now)
    elif found.state is not FoundState.AUTHORISED:
        both = {"step": command.step, "key": event.key, "answered": event.kind, "found": describe(found)}
        append_once(tx, order, EventType.ANSWERS_DIFFER, command.change, now, both)


LOOK_UP_PAYMENT = LookUpPayment()
RECORD_PROVIDER_EVENT = RecordProviderEvent()
