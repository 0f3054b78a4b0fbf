"""The steps of a group within their transaction: each recorded step gives its result, and each other one runs."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from pydantic import BaseModel
from sqlmodel import Session
from structlog.contextvars import bound_contextvars

from activities.plans import PLAN_CHANGE, PlanChangeResult
from activities.support.errors import WithdrawnError, load_refusal, raise_too_late, refusal_in
from activities.support.flow import FlowRun, GroupResult, StepCall, StepResult
from activities.support.registry import AnyStep
from activities.support.step_context import StepContext
from activities.support.step_kinds import Check, Final, Pivot
from activities.support.step_metrics import StepTimer
from domain.refusals import Refusal
from providers.errors import ProviderError
from store.changes import step_records
from store.changes.new_records import NewRecord
from store.changes.step_records import LockedChange, StepState
from store.database.documents import from_document, to_document
from store.database.store import after_commit
from store.orders.orders import write_order
from telemetry.tracing import step_span


class DoneStep(NamedTuple):
    """A step that has run in the transaction, with its result as JSON and how long it took."""

    step: AnyStep
    record: NewRecord
    result: str
    timer: StepTimer


class GroupRefusedError(Exception):
    """A step of the group is refused; the transaction is rolled back, and then the refusal is recorded."""

    def __init__(self, record: NewRecord, refusal: Refusal, group: "GroupTransaction") -> None:
        super().__init__(refusal.code)
        self.record = record
        self.command = record.command
        self.refusal = refusal
        self.plan = group.run.result_of(PLAN_CHANGE)
        self.checks = [each for each in group.done if isinstance(each.step, Check)]
        """The checks that passed: they have no effect that was rolled back."""
        row = group.locked.change
        self.findings = {"plan": row.plan, "quote": row.quote} if row else {}
        """What they found about the change, as JSON."""


@dataclass
class GroupTransaction:
    """One attempt at a group: its transaction, and what it has done in it so far."""

    context: StepContext
    tx: Session
    locked: LockedChange
    run: FlowRun
    claimed: PlanChangeResult
    done: list[DoneStep] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)
    pivot: StepCall[Any, Any] | None = None
    """The pivot, if this transaction passes it: until it commits, a step after it may still be refused."""

    def follow(self) -> None:
        """Run the steps that come next, up to the end of the flow or to an external step.

        Raises GroupRefusedError, WithdrawnError and any fault; then the transaction must be rolled back.
        """
        external = {*self.run.command.external_systems, *self.context.external_systems}
        while self.run.next is not None:
            call = self.run.next
            recorded = self._recorded(call)
            if recorded is not None:
                self.run.take(recorded)
            elif call.step.system in external:
                return
            else:
                with bound_contextvars(step=call.step.name), step_span(call.step.name):
                    self.run.take(self._run_step(call))

    def _recorded(self, call: StepCall[Any, Any]) -> BaseModel | None:
        """Return the recorded result of a step. Raises its recorded refusal, and WithdrawnError."""
        record = self.locked.records.get(call.command.key)
        if record is None or record.state == StepState.STARTED:
            return None
        if step_records.undo_begun(record.state):
            raise WithdrawnError
        if record.refusal is not None:
            if isinstance(call.step, Final):
                return None
            raise GroupRefusedError(_refused(call), load_refusal(record.refusal), self)
        result: BaseModel = call.step.answer(from_document(call.step.result_type, record.result or ""))
        self.steps.append(_step_result(call, result, 0))
        return result

    def _run_step(self, call: StepCall[Any, Any]) -> BaseModel:
        step, command, tx, order = call.step, call.command, self.tx, self.locked.order
        timer = StepTimer(step.name)
        if isinstance(step, Pivot):
            self.pivot = call
        try:
            with timer:
                step.precheck(self.context, tx, order, command)
                response = step.call(self.context, order, command)
                record = step.new_record(tx, order, command, response)
                result: BaseModel = step.record(self.context, tx, order, command, response)
                tx.flush()
        except (Refusal, ProviderError) as error:
            self._refuse(call, error)
        if step.keeps_record:
            self.done.append(DoneStep(step, record, to_document(result), timer))
        after_commit(tx, timer.observe_done)
        answer: BaseModel = step.answer(result)
        self.steps.append(_step_result(call, answer, timer.milliseconds))
        return answer

    def _refuse(self, call: StepCall[Any, Any], error: Refusal | ProviderError) -> NoReturn:
        refusal = refusal_in(error) if isinstance(error, ProviderError) else error
        if refusal is None:
            raise error
        if not isinstance(call.step, Final):
            raise GroupRefusedError(_refused(call), refusal, self) from error
        if self.pivot is None:
            raise_too_late(error)
        # Nothing is committed yet, so it is the pivot that is refused: no money moves.
        raise GroupRefusedError(_refused(self.pivot), refusal, self) from error

    def record_done(self) -> None:
        """Write the order's row and the records of the steps that ran."""
        locked = self.locked
        write_order(self.tx, locked.order)
        now, order = self.context.store.now(), locked.order
        fresh = [(each.record, each.result) for each in self.done if each.record.command.key not in locked.records]
        step_records.record_all_done(self.tx, order.tenant, fresh, locked.latest, now)
        for each in self.done:
            if each.record.command.key in locked.records:
                step_records.finish(self.tx, each.record.command.key, each.result, None, now)

    @property
    def result(self) -> GroupResult:
        """What the group answers."""
        return GroupResult(
            steps=tuple(self.steps[self.run.command.known :]),
            recovery_required=self.claimed.recovery_required,
            open_draft=self.claimed.open_draft,
        )


def _refused(call: StepCall[Any, Any]) -> NewRecord:
    """Return the record of a step that is refused: it moves and holds nothing."""
    return NewRecord(call.command, call.step.undo_name)


def _step_result(call: StepCall[Any, Any], result: BaseModel, milliseconds: int) -> StepResult:
    shown = result.model_dump(mode="json", exclude_defaults=True)
    return StepResult(step=call.step.name, result=shown, ms=milliseconds)
