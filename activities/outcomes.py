"""Records the outcome of a change, once; with it the order, if the answer to the request shows it."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Executor, Final
from domain.changes import DEADLINE_SHORTENED, REFUND_OWED, ChangeState, ChangeWarning, OrderSummary, Outcome
from domain.confirmation import Confirmation
from domain.money import Money
from domain.orders import OrderStatus
from domain.settlement import MoveKind
from store.changes import changes, step_records
from store.changes.step_records import StepState
from store.database.store import after_commit
from store.orders import ledger
from store.orders.events import EventType, data_of_change
from store.orders.orders import lock_order, reservations_on
from store.orders.shown_orders import keep_shown
from store.orders.totals import summary_of
from store.tables import ChangeRow, OrderRow, StepRecordRow
from telemetry.metrics import UNWOUND
from temporal.names import StepName, System


class RecordOutcomeCommand(Command):
    """Record the outcome of a change."""

    step: ClassVar[str] = StepName.RECORD_OUTCOME
    state: ChangeState
    code: str | None = None

    def summary(self) -> str:
        """Describe the outcome."""
        return f"record the outcome: {self.state}{f' ({self.code})' if self.code else ''}"


class RecordOutcomeResult(BaseModel):
    """The recorded outcome of the change, which may be an earlier one than that of the command."""

    state: ChangeState
    code: str | None = None
    status: OrderStatus


@final
class RecordOutcome(Final[RecordOutcomeCommand, RecordOutcomeResult]):
    """Records a change's outcome unless it has one, and returns the recorded one."""

    system = System.STORE
    keeps_record = False

    def execute(self, executor: Executor, command: RecordOutcomeCommand) -> RecordOutcomeResult:
        """Record it in a transaction of its own: the change's row is what keeps the first outcome."""
        with executor.context.store.write() as tx:
            return self.record(executor.context, tx, lock_order(tx, command.order), command, None)

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: RecordOutcomeCommand, response: Any
    ) -> RecordOutcomeResult:
        """End the change, and the order if its first change was refused."""
        row = changes.lock_change(tx, command.change)
        status = OrderStatus(order.status)
        if row is None:
            return RecordOutcomeResult(state=command.state, code=command.code, status=status)
        before = changes.outcome_of(row)
        warnings = _deadline_warnings(tx, order, command) if context.external_systems else ()
        end_change(tx, order, row, command.state, command.code, context.store.now(), warnings=warnings)
        state, code = (before.state, before.code) if before else (command.state, command.code)
        if order.created_by == command.change and state is not ChangeState.DONE and not order.draft_opened_by:
            # An order whose first change was refused does not exist for clients.
            order.abandoned = True
        return RecordOutcomeResult(state=state, code=code, status=status)


def end_change(
    tx: Session,
    order: OrderRow,
    row: ChangeRow,
    state: ChangeState,
    code: str | None,
    now: datetime,
    confirmed: Confirmation | None = None,
    total: Money | None = None,
    warnings: Sequence[ChangeWarning] = (),
) -> bool:
    """Record a change's outcome in the transaction that makes it true. Returns False when it has one already.

    `confirmed` is what a confirmation confirmed, and `total` the order's total where it is known already.
    `warnings` are added to those of the plan if the change is done.
    """
    done = state is ChangeState.DONE
    plan = changes.plan_of(row) if done and row.plan is not None else None
    added = tuple(line.id for line in plan.adds) if plan else ()
    steps = [] if done else step_records.of_change(tx, row.id)
    summary = summary_of(tx, order, total)
    outcome = Outcome(
        state=state,
        code=code,
        members=_members(steps, code),
        order=summary,
        lines=added,
        reservations=reservations_on(tx, added),
        replaced=plan.replaced if plan else (),
        confirmed=confirmed,
        warnings=(
            *(plan.warnings if plan else ()),
            *(_refund_warnings(tx, row, summary) if done else ()),
            *(warnings if done else ()),
        ),
    )
    shown = keep_shown(tx, order) if changes.request_of(row).answers_with_order else None
    recorded = changes.end(tx, row.id, outcome, now, shown=shown)
    if recorded and any(each.state == StepState.WITHDRAWN for each in steps):
        after_commit(tx, UNWOUND.labels(code).inc)
    return recorded


def _deadline_warnings(tx: Session, order: OrderRow, command: RecordOutcomeCommand) -> Sequence[ChangeWarning]:
    """Return the warning that a provider shortened the time of the draft, if it did for a change."""
    shortened = data_of_change(tx, order.number, command.change, EventType.DEADLINE_SHORTENED)
    ends = [datetime.fromisoformat(each["expires_at"]) for each in shortened]
    return [ChangeWarning(code=DEADLINE_SHORTENED, expires_at=end) for end in ends[-1:]]


def _refund_warnings(tx: Session, row: ChangeRow, summary: OrderSummary) -> list[ChangeWarning]:
    """Return the warning about what no payment took of a change's refund."""
    if summary.refund_owed is None:
        return []
    moves = ledger.moves_of_change(tx, row.id, summary.currency)
    return [ChangeWarning(code=REFUND_OWED, amount=amount) for kind, amount in moves if kind is MoveKind.OWE]


def _members(steps: list[StepRecordRow], code: str | None) -> tuple[dict[str, str | int], ...]:
    refusals = [json.loads(each.refusal) for each in steps if each.refusal]
    return next((tuple(each["members"]) for each in refusals if each["code"] == code), ())


RECORD_OUTCOME = RecordOutcome()
