"""Sees whether a stuck step may be taken for done by hand: by whom it was said, and whether that is enough."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.payments import SettlePriceDifferenceCommand, to_settle
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Command
from domain.dual_control import AGREED_WITHIN, ANONYMOUS, TEMPORAL, DualControlPolicy, others
from domain.money import Money, total
from domain.refusals import SecondPersonNeeded
from store.changes import operator_statements
from store.changes.operator_statements import RecordedStatement
from store.orders.events import EventType
from store.orders.orders import lock_order
from store.tables import OrderRow
from temporal.names import StepName


class CheckDoneByHandCommand(Command):
    """Take a stuck step for done by hand."""

    step: ClassVar[str] = StepName.CHECK_DONE_BY_HAND
    stuck_step: str
    """The activity that is stuck."""
    since: datetime
    amount: Money | None = None
    """What it moves, where its own command says so."""
    statement_event: int | None = None
    """The order's event by which a client of ours said so; none for an update of Temporal's own."""
    reason: str = ""

    def summary(self) -> str:
        """Say what is taken for done."""
        return f"{self.stuck_step} is said to be done by hand"


class CheckDoneByHandResult(BaseModel):
    """What is recorded when our books are mended."""

    reason: str
    confirmed_by: tuple[str, ...] = ()
    """Last first; empty when what was said is too old, or about another step: then nothing is taken for done."""


class DoneByHandActivities:
    """Hears what people say they did."""

    def __init__(self, once: StepExecutor, alone: DualControlPolicy) -> None:
        self._once = once
        self._alone = alone

    @activity.defn(name=StepName.CHECK_DONE_BY_HAND, no_thread_cancel_exception=True)
    def check_done_by_hand(self, command: CheckDoneByHandCommand) -> CheckDoneByHandResult:
        """Return who says so, and why. Raises SecondPersonNeeded above what one person may say alone.

        People are those the API let in and wrote down. An update of Temporal's own names nobody: whatever it says of
        itself, it is nobody's word, and above the limit not even one of two.
        """
        store = self._once.store
        with store.write() as tx:
            order = lock_order(tx, command.order)
            after = store.now() - AGREED_WITHIN
            said = operator_statements.statements_of_done(tx, order.number, command.stuck_step, command.since, after)
            amount = _moved(tx, order, command)
        who, reason = TEMPORAL, command.reason
        if command.statement_event is not None:
            with store.read() as tx:
                mine = operator_statements.of_number(
                    tx, command.order, command.statement_event, EventType.DONE_BY_HAND_STATED
                )
            if mine is None or mine.at <= after or not mine.saying.is_about(command.stuck_step, command.since):
                return CheckDoneByHandResult(reason=reason)
            who, reason = mine.saying.actor, mine.saying.reason
        if amount is None or self._alone.may_act_alone(amount, who):
            return CheckDoneByHandResult(reason=reason, confirmed_by=(who,))
        return _by_two(who, reason, said)


def _by_two(who: str, reason: str, said: list[RecordedStatement]) -> CheckDoneByHandResult:
    before = others((each.saying.actor for each in said), who)
    if who in ANONYMOUS or not before:
        raise SecondPersonNeeded
    return CheckDoneByHandResult(reason=reason, confirmed_by=(who, before[0]))


def _moved(tx: Session, order: OrderRow, command: CheckDoneByHandCommand) -> Money | None:
    if command.stuck_step != SettlePriceDifferenceCommand.step:
        return command.amount
    return total((move.amount for move in to_settle(tx, order)), order.currency)
