"""Checks whether a stuck step counts as done by hand: which operators stated so, and whether one of them is enough."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from temporalio import activity

from activities.support.registry import step_of
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command
from domain.dual_control import CONFIRMATION_WINDOW, TEMPORAL, agreeing_people
from domain.refusals import SecondPersonNeeded
from store.changes import operator_statements, step_records
from store.changes.operator_statements import RecordedStatement
from store.orders.events import EventType
from store.orders.orders import lock_order
from temporal.names import StepName, System


class CheckDoneByHandCommand(Command):
    """Check a statement that a stuck step was done by hand."""

    step: ClassVar[str] = StepName.CHECK_DONE_BY_HAND
    stuck_step: str
    """The activity that is stuck."""
    since: datetime
    statement_event: int | None = None
    """The number of the order's event that records the statement; none for an update sent in Temporal itself."""
    reason: str = ""

    def summary(self) -> str:
        """Name the step."""
        return f"check that {self.stuck_step} was done by hand"


class CheckDoneByHandResult(BaseModel):
    """The reason and the operators, to be recorded with the step."""

    reason: str
    confirmed_by: tuple[str, ...] = ()
    """The operators, last first; empty when the statement is not accepted: it is too old or about another step."""


class DoneByHandActivities:
    """Checks operators' statements."""

    def __init__(self, context: StepContext) -> None:
        self._store = context.store
        self._dual_control = context.dual_control

    @activity.defn(name=StepName.CHECK_DONE_BY_HAND, no_thread_cancel_exception=True)
    def check_done_by_hand(self, command: CheckDoneByHandCommand) -> CheckDoneByHandResult:
        """Return the operators who stated it, and the reason. Raises SecondPersonNeeded above one person's limit.

        The amount is the one in the step's record; without one it is unknown what the provider was asked to move, so
        two people have to agree.

        Only operators whom the API authenticated and recorded count. An update sent in Temporal itself names no
        operator that can be verified, so above the limit it does not even count as one of the two statements.
        """
        store = self._store
        with store.write() as tx:
            order = lock_order(tx, command.order)
            after = store.now() - CONFIRMATION_WINDOW
            earlier = operator_statements.statements_of_done(tx, order.number, command.stuck_step, command.since, after)
            record = step_records.of_act(tx, command.change, command.stuck_step)
            amount = step_records.amount_of(record) if record else None
        actor, reason = TEMPORAL, command.reason
        if command.statement_event is not None:
            with store.read() as tx:
                statement = operator_statements.of_number(
                    tx, command.order, command.statement_event, EventType.DONE_BY_HAND_STATED
                )
                outdated = operator_statements.is_outdated(tx, command.order, command.statement_event)
            if (
                statement is None
                or outdated
                or statement.at <= after
                or not statement.statement.is_about(command.stuck_step, command.since)
            ):
                return CheckDoneByHandResult(reason=reason)
            actor, reason = statement.statement.actor, statement.statement.reason
        moves = amount is not None or _moves_money(command.stuck_step)
        if not moves or self._dual_control.may_act_alone(amount, actor):
            return CheckDoneByHandResult(reason=reason, confirmed_by=(actor,))
        return _confirmed_by_two(actor, reason, earlier)


def _confirmed_by_two(actor: str, reason: str, earlier: list[RecordedStatement]) -> CheckDoneByHandResult:
    people = agreeing_people(actor, (each.statement.actor for each in earlier))
    if people is None:
        raise SecondPersonNeeded
    return CheckDoneByHandResult(reason=reason, confirmed_by=people)


def _moves_money(act: str) -> bool:
    """Whether a step or an undo moves money, or may: of one that this build does not know nothing is known."""
    step = step_of(act)
    return step is None or step.system is System.PAYMENTS
