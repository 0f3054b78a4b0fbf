"""The saga: follows a flow, records the undos of its steps, and on failure undoes them (compensates), last first.

Up to the pivot every step can be undone; after it only final steps follow. The kinds of steps let mypy check most of
that. The rest is checked here: a violation is a bug, so it raises SagaError, which parks the workflow's task and undoes
nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice, takewhile
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import BaseModel
from temporalio.exceptions import FailureError

from activities.recovery import RecordedStep
from activities.support.flow import FlowRun, GroupResult, StepCall, UndoStepsCommand
from activities.support.registry import by_name, reversible
from activities.support.step_kinds import Check, Command, Final, Harmless, Pivot, Reversible
from domain.changes import ChangeState
from temporal.messages import UndoEntry
from temporal.names import RECOVERY_REQUIRED
from workflows.saga.cancellation import ignore_cancellation
from workflows.saga.error_codes import group_error, is_final_withdrawn
from workflows.saga.step_runner import StepRunner

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)


MAX_UNDONE_TOGETHER = 20
"""How many steps are undone in one transaction: a long draft must not hold the store for its whole length."""


class SagaError(Exception):
    """The code runs steps in an order that cannot be undone. This is a bug, not a failed step."""


@dataclass(frozen=True)
class Undo:
    """A reversible step that may have happened, and its command."""

    step: Reversible[Any, Any]
    command: Command


OnResult = Callable[[BaseModel], None]


def _nothing(_result: BaseModel) -> None:
    """Ignore a result."""


class _Phase(Enum):
    OPEN = "open"
    COMMITTED = "committed"
    ENDED = "ended"
    UNWOUND = "unwound"


def undos_of(entries: Sequence[UndoEntry | RecordedStep]) -> list[Undo]:
    """Return the undos of these steps. Raises SagaError for an unknown step, which parks the workflow's task."""
    known = reversible()
    unknown = [entry.step for entry in entries if entry.step not in known]
    if unknown:
        raise SagaError(f"this build knows no undo of {', '.join(unknown)}")
    steps = [(known[entry.step], entry.command) for entry in entries]
    return [Undo(step, step.command_type.model_validate(command)) for step, command in steps]


def recorded_undos(rows: Sequence[RecordedStep]) -> list[Undo]:
    """Return the undos of recorded steps. A known step without an undo has no effect to undo and is skipped."""
    return undos_of([row for row in rows if row.step in reversible() or row.step not in by_name()])


class Saga:
    """Steps that happen together or not at all.

    A nested saga that fails undoes only its own steps; one that succeeds hands its undos to the outer saga.
    """

    def __init__(self, runner: StepRunner, undos: Iterable[Undo] = (), outer: "Saga | None" = None) -> None:
        self._runner = runner
        self._undos = list(undos)
        self._outer = outer
        self._phase = _Phase.OPEN

    @property
    def undos(self) -> tuple[Undo, ...]:
        """The undos of the steps so far, first step first."""
        return tuple(self._undos)

    def adopt(self, undos: Iterable[Undo]) -> None:
        """Take over the undos of an earlier run. They count as older than those of this run; known ones stay."""
        self._undos[:0] = [undo for undo in undos if undo not in self._undos]

    def nested(self) -> "Saga":
        """Return a saga inside this one. Raises SagaError after the pivot."""
        self._must_be_open()
        return Saga(self._runner, outer=self)

    async def follow(self, flow: FlowRun, on_result: OnResult = _nothing) -> None:
        """Run the steps of a flow to its end: adjacent own steps as one group, each external step by itself.

        `on_result` gets each result as soon as it is known. Raises FailureError for a refusal, or for a fault after its
        retries; then the steps of this saga are undone.
        """
        async with self:
            while flow.next is not None:
                if self._runner.runs_in_group(flow):
                    await self._run_group(flow, on_result)
                else:
                    result = await self._run_single(flow.next, until_known=flow.may_be_settled)
                    self._take(flow, result, on_result)
            if flow.ended and flow.ended.state is not ChangeState.DONE:
                # Another run has ended the request: what this one did for it must not stay in the draft.
                await ignore_cancellation(self.unwind())

    async def _run_group(self, flow: FlowRun, on_result: OnResult) -> None:
        """Run a group; when it keeps failing, withdraw it, so that its steps run one by one.

        A cancellation waits until it is known what the group has done, and counts only before the point of no return.
        """
        result, cancelled = await self._runner.run_group(flow, alone=not self._undos)
        if result is None:
            withdrawn = await self._runner.withdraw_group(flow)
            if withdrawn.ended:
                flow.end(withdrawn.ended)
            else:
                flow.may_be_settled = withdrawn.may_be_settled
                self._note(recorded_undos(withdrawn.steps))
        else:
            self._take_group(flow, result, on_result)
        if cancelled and self._phase is _Phase.OPEN and flow.ended is None and not flow.may_be_settled:
            raise asyncio.CancelledError

    def _take_group(self, flow: FlowRun, result: GroupResult, on_result: OnResult) -> None:
        on_result(result)
        flow.may_be_settled = flow.may_be_settled or result.may_be_settled
        for each in result.steps:
            call = flow.next
            if call is None or call.step.name != each.step:
                break
            self._note_call(call)
            self._runner.progress.show_step(each.step, call.command.summary(), f"done in {each.ms} ms")
            self._take(flow, call.step.result_type.model_validate(each.result), on_result)
        if result.refused:
            self._runner.progress.show_step(result.refused_step or "", "refused", f"failed: {result.refused}")
        if result.ended:
            flow.end(result.ended)
        elif result.recovery_required:
            raise group_error(RECOVERY_REQUIRED)
        elif result.refused:
            raise group_error(result.refused)
        elif self._runner.runs_in_group(flow):
            # Another release has other steps in this group: what follows runs step by step.
            flow.leave_groups()

    def _take(self, flow: FlowRun, result: BaseModel, on_result: OnResult) -> None:
        call = flow.next
        flow.take(result)
        if call is None:
            return
        if isinstance(call.step, Pivot):
            self._commit()
        elif isinstance(call.step, Final):
            self._hand_over()
        on_result(result)

    def _note_call(self, call: StepCall[Any, Any]) -> None:
        if isinstance(call.step, Reversible):
            self._note([Undo(call.step, call.command)])

    def _note(self, undos: Iterable[Undo]) -> None:
        self._undos.extend(undo for undo in undos if undo not in self._undos)

    async def _run_single(self, call: StepCall[Any, Any], *, until_known: bool) -> BaseModel:
        step, command = call.step, call.command
        result: BaseModel
        if isinstance(step, Final):
            result = await self.finish(step, command)
        elif isinstance(step, Pivot):
            result = await self.commit(step, command)
        elif isinstance(step, Check | Harmless | Reversible):
            result = await self.run(step, command, until_known=until_known)
        else:
            raise SagaError(f"{step.name} is of no known kind")
        return result

    async def run(
        self, step: Check[C, R] | Harmless[C, R] | Reversible[C, R], command: C, *, until_known: bool = False
    ) -> R:
        """Run a step before the pivot. The undo of a reversible one is recorded before the step starts.

        A step that timed out may have happened. Only its undo, under the same key, can find out. `until_known`: the
        pivot of an earlier attempt may have happened, so that the step, which is recorded, must not fail.
        """
        self._must_be_open()
        if isinstance(step, Reversible):
            self._note([Undo(step, command)])
        if until_known:
            return await self._runner.run_until_known(step, command)
        return await self._runner.run(step, command)

    async def commit(self, pivot: Pivot[C, R], command: C) -> R:
        """Run the pivot: the point of no return for this saga and every outer one. It may still be refused."""
        self._must_be_open()
        result = await self._runner.run_until_known(pivot, command)
        self._commit()
        return result

    def _commit(self) -> None:
        saga: Saga | None = self
        while saga is not None:
            saga._phase = _Phase.COMMITTED
            saga._undos.clear()
            saga = saga._outer

    async def finish(self, final: Final[C, R], command: C) -> R:
        """Run a final step: from here on nothing is undone by itself. It is retried until it is done."""
        self._hand_over()
        return await self._runner.run_final(final, command)

    async def unwind(self, keep: Sequence[Reversible[Any, Any]] = ()) -> None:
        """Undo the steps so far, last first; steps in `keep` stay as they are.

        A committed saga has nothing to undo. Each undo ends before the next one starts.
        """
        self._undos = [undo for undo in self._undos if undo.step not in keep]
        while self._undos:
            together = self._own_undos()
            if together:
                undone = await ignore_cancellation(self._undo_together(together))
                if undone:
                    del self._undos[-len(together) :]
                    continue
            # An external step, or own steps that could not be undone together: one by one, so a stuck one is named.
            for undo in together or self._undos[-1:]:
                await ignore_cancellation(self._runner.undo(undo.step, undo.command))
                self._undos.pop()
        if self._phase is _Phase.OPEN:
            self._phase = _Phase.UNWOUND

    def _own_undos(self) -> list[Undo]:
        """Return the undos that come next in our own database, last step first."""
        own = takewhile(lambda undo: self._runner.undone_in_group(undo.step), reversed(self._undos))
        return list(islice(own, MAX_UNDONE_TOGETHER))

    async def _undo_together(self, undos: Sequence[Undo]) -> bool:
        steps = tuple(RecordedStep(step=each.step.name, command=each.command.model_dump()) for each in undos)
        command = undos[0].command
        shown = [(each.step.undo_name, f"undo: {each.command.summary()}") for each in undos]
        together = UndoStepsCommand(change=command.change, order=command.order, undos=steps)
        return await self._runner.undo_group(together, shown)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._hand_over()
        elif is_final_withdrawn(error):
            # A reversal undoes the steps, or has undone them; after a reseat nothing is undone.
            self._undos.clear()
        elif isinstance(error, FailureError | asyncio.CancelledError) and self._phase is _Phase.OPEN:
            # Any other exception is a bug of ours: it parks the workflow's task and must undo nothing.
            await ignore_cancellation(self.unwind())

    def _hand_over(self) -> None:
        if self._phase is _Phase.OPEN:
            self._phase = _Phase.ENDED
            if self._outer is not None:
                self._outer._undos.extend(self._undos)
                self._undos.clear()

    def _must_be_open(self) -> None:
        if self._phase is not _Phase.OPEN:
            raise SagaError(f"the saga is {self._phase.value}: nothing reversible may follow")
