"""Records on the order that a step is stuck or that an operator retries it, and lists the order's unsettled items."""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.support.step_context import StepContext
from activities.support.step_kinds import Command
from domain.dual_control import TEMPORAL
from domain.money import Money
from domain.orders import Order, ReservationState
from domain.settlement import MoveKind
from store.changes import operator_statements
from store.orders import ledger, moves
from store.orders.events import Data, EventType, append_once
from store.orders.orders import load, lock_order
from temporal.names import StepName

MAX_ITEMS = 20
NOTHING_ELSE = "nothing but this step"
_SETTLED = {
    MoveKind.CAPTURE: "captured",
    MoveKind.REFUND: "refunded",
    MoveKind.OWE: "owed to the customer",
}


_NOT_ANSWERED = {
    MoveKind.CAPTURE: "to be captured, not answered",
    MoveKind.REFUND: "to be refunded, not answered",
    MoveKind.VOID: "to be voided, not answered",
}


class RecordAttentionCommand(Command):
    """Record that a step is stuck since a time, or that an operator retried it at a time."""

    step: ClassVar[str] = StepName.RECORD_ATTENTION
    stuck_step: str
    """The activity that is stuck."""
    at: datetime
    """When its first attempt began, or when the operator retried it."""
    code: str | None = None
    """The code of its last failure; none for a retry."""
    attempts: int = 1
    """How many attempts have failed."""
    by_hand: bool = False
    """Whether the step is at an external provider, so that it may be done there by hand."""
    reason: str | None = None
    """The operator's reason for a retry."""
    statement_event: int | None = None
    """The number of the order's event by which the API has recorded the retry already."""

    def summary(self) -> str:
        """Describe the record."""
        return f"{self.stuck_step} needs attention" if self.code else f"{self.stuck_step} is retried by an operator"


class UnsettledItems(BaseModel):
    """The unsettled items of an order, in words: seats, units, lines and money, no personal data."""

    items: tuple[str, ...]


class AttentionActivities:
    """Records what operators need to know of a stuck step."""

    def __init__(self, context: StepContext) -> None:
        self._store = context.store

    @activity.defn(name=StepName.RECORD_ATTENTION, no_thread_cancel_exception=True)
    def record_attention(self, command: RecordAttentionCommand) -> UnsettledItems:
        """Append an event to the order, once, and return the order's unsettled items."""
        details: Data
        if command.code:
            kind, details = EventType.NEEDS_ATTENTION, _case(command, command.code)
        else:
            kind, details = (
                EventType.RETRY_REQUESTED,
                {"reason": command.reason or "", "actor": TEMPORAL, "at": command.at.isoformat()},
            )
        with self._store.write() as tx:
            order = lock_order(tx, command.order)
            data = {"step": command.stuck_step, **details}
            if not _is_recorded(tx, command):
                append_once(tx, order, kind, command.change, self._store.now(), data)
            items = [*unsettled_items(tx, load(tx, order), command.change)]
        if len(items) > MAX_ITEMS:
            items[MAX_ITEMS:] = [f"and {len(items) - MAX_ITEMS} more"]
        return UnsettledItems(items=tuple(items) or (NOTHING_ELSE,))


def _case(command: RecordAttentionCommand, code: str) -> Data:
    return {
        "code": code,
        "since": command.at.isoformat(),
        "attempts": command.attempts,
        "by_hand": command.by_hand,
    }


def _is_recorded(tx: Session, command: RecordAttentionCommand) -> bool:
    """Whether an event of the order records this retry already, with its actor."""
    if command.statement_event is None:
        return False
    statement = operator_statements.of_number(tx, command.order, command.statement_event, EventType.RETRY_REQUESTED)
    return statement is not None and statement.statement.step == command.stuck_step


def unsettled_items(tx: Session, order: Order, change: str) -> Iterator[str]:
    """Yield the unsettled items: held seats and units, lines that the change added, money authorised or moved."""
    yield from _held(order)
    added = sum(line.added_by == change for line in order.lines)
    if added:
        yield f"{added} new lines on the order" if added > 1 else "1 new line on the order"
    for payment in order.payments:
        if payment.open:
            yield _money(payment.authorised, "authorised")
    for started in moves.without_answer(tx, order.number):
        yield _money(started.amount, _NOT_ANSWERED[started.kind])
    for move, amount in ledger.moves_of_change(tx, change, order.currency):
        if move in _SETTLED:
            yield _money(amount, _SETTLED[move])


def _held(order: Order) -> Iterator[str]:
    for seat in order.reservations:
        if seat.state is ReservationState.HELD:
            yield f"seat {seat.coach}-{seat.seat:02} on {seat.service} held"
    for unit in order.units:
        if unit.state is ReservationState.HELD:
            yield f"1 {unit.item} on {unit.place} held"


def _money(amount: Money, state: str) -> str:
    return f"{amount.display} {state}"
