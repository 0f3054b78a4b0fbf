"""Writes on the order that a step is stuck, or that an operator asked to try it again, and tells what is left."""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Command
from domain.dual_control import TEMPORAL
from domain.money import Money
from domain.orders import Order, ReservationState
from domain.settlement import MoveKind
from store.changes import operator_statements
from store.orders import ledger
from store.orders.events import EventType, append_once
from store.orders.orders import load, lock_order
from temporal.names import StepName

MOST = 20
NOTHING_ELSE = "nothing is left but this step"
_SAID = {MoveKind.CAPTURE: "captured", MoveKind.REFUND: "refunded"}


class RecordAttentionCommand(Command):
    """Note that a step is stuck since a time, or that somebody asked at a time to try it again."""

    step: ClassVar[str] = StepName.RECORD_ATTENTION
    stuck_step: str
    """The activity that is stuck."""
    at: datetime
    code: str | None = None
    """Why it is stuck; none when somebody asks to try it again."""
    reason: str | None = None
    """Why it is tried again."""
    statement_event: int | None = None
    """The order's event by which a client of ours asked so: then it is noted already."""

    def summary(self) -> str:
        """Say what is noted."""
        return f"{self.stuck_step} needs attention" if self.code else f"{self.stuck_step} is tried again by hand"


class UnsettledItems(BaseModel):
    """What an order has that is not settled, in words: seats, money, lines. Nothing personal."""

    items: tuple[str, ...]


class AttentionActivities:
    """Tells operators."""

    def __init__(self, once: StepExecutor) -> None:
        self._once = once

    @activity.defn(name=StepName.RECORD_ATTENTION, no_thread_cancel_exception=True)
    def record_attention(self, command: RecordAttentionCommand) -> UnsettledItems:
        """Append it to the order's events, once, and return what is left now."""
        if command.code:
            kind, said = EventType.NEEDS_ATTENTION, {"code": command.code}
        else:
            kind, said = EventType.RETRY_REQUESTED, {"reason": command.reason or "", "actor": TEMPORAL}
        with self._once.store.write() as tx:
            order = lock_order(tx, command.order)
            data = {"step": command.stuck_step, **said, "at": command.at.isoformat()}
            if not _written_down(tx, command):
                append_once(tx, order, kind, command.change, self._once.store.now(), data)
            words = [*unsettled_items(tx, load(tx, order), command.change)]
        if len(words) > MOST:
            words[MOST:] = [f"and {len(words) - MOST} more"]
        return UnsettledItems(items=tuple(words) or (NOTHING_ELSE,))


def _written_down(tx: Session, command: RecordAttentionCommand) -> bool:
    """Whether an event of the order says already who had the step tried again."""
    if command.statement_event is None:
        return False
    found = operator_statements.of_number(tx, command.order, command.statement_event, EventType.RETRY_REQUESTED)
    return found is not None and found.saying.step == command.stuck_step


def unsettled_items(tx: Session, order: Order, change: str) -> Iterator[str]:
    """Tell what is neither as before nor as it will be: held seats, lines of the change, money aside or moved."""
    for seat in order.reservations:
        if seat.state is ReservationState.HELD:
            yield f"seat {seat.coach}-{seat.seat:02} on {seat.service} held"
    added = sum(line.added_by == change for line in order.lines)
    if added:
        yield f"{added} new lines on the order" if added > 1 else "1 new line on the order"
    for payment in order.payments:
        if payment.open:
            yield _money(payment.authorised, "set aside")
    for move, amount in ledger.moved_by(tx, change, order.currency):
        if move in _SAID:
            yield _money(amount, _SAID[move])


def _money(amount: Money, what: str) -> str:
    return f"{amount.display} {what}"
