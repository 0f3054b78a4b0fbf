"""Runs steps: with limited retries, or until they are done, with an operator's help if they are stuck."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.workflow import ActivityHandle

from activities.attention import RecordAttentionCommand, UnsettledItems
from activities.done_by_hand import CheckDoneByHandCommand, CheckDoneByHandResult
from activities.request_formats import CheckFormatCommand
from activities.support.flow import FlowRun, GroupResult, UndoStepsCommand, WithdrawGroupResult
from activities.support.step_kinds import (
    EXTERNAL_TOTAL,
    GROUP_ATTEMPT,
    GROUP_ATTEMPTS,
    LOCAL_ATTEMPTS,
    Check,
    Command,
    Final,
    Harmless,
    Nothing,
    Pivot,
    Reversible,
)
from domain.refusals import SecondPersonNeeded
from temporal.messages import DoneByHand, RetryNow, StuckStep
from temporal.names import REFUSED_TOO_LATE, WITHDRAW_GROUP, System
from workflows.saga.activity_calls import ActivityCall, ActivityCaller
from workflows.saga.cancellation import await_outcome, finish_then_cancel, ignore_cancellation
from workflows.saga.error_codes import (
    attempts_in,
    ends_step,
    error_code,
    final_withdrawn_error,
    is_left_to_newer_worker,
    is_withdrawn,
    needs_newer_worker,
    no_stuck_step_error,
)
from workflows.saga.progress import ProgressTracker

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)

# A step that must not be abandoned is shown to operators after failing for this long.
ATTENTION_AFTER = timedelta(seconds=30)
# Between two attempts of which the first cannot be retried by Temporal.
RETRY_AFTER = timedelta(minutes=1)
# Attempts at recording that a step is stuck: the recording must not delay the step itself.
RECORD_ATTEMPTS = 3
# For a request that the worker of the run may not claim: shorter than others wait in the queue.
NEWER_WORKER_WAIT = timedelta(seconds=5)


class StepRunner:
    """Runs steps for one workflow, and updates its progress."""

    def __init__(self, external_systems: tuple[System, ...], progress: ProgressTracker) -> None:
        self._calls = ActivityCaller(external_systems)
        self.progress = progress
        self.before_attention: Callable[[Command], Awaitable[bool]] | None = None
        """What may help a step after the point of no return that its provider refuses, before an operator is called;
        it returns whether it has withdrawn the step's key."""
        self._stuck: RecordAttentionCommand | None = None
        self._retry = False
        self._by_hand: CheckDoneByHandResult | None = None

    def runs_in_group(self, flow: FlowRun) -> bool:
        """Whether the next step of a flow runs in a group: it is in our own database, and the groups are in use."""
        return flow.grouped and flow.next is not None and not self._calls.is_external(flow.next.step.system)

    async def run_group(self, flow: FlowRun, *, alone: bool) -> tuple[GroupResult | None, bool]:
        """Run a flow's next steps in one transaction. Return what they did, and whether the workflow was cancelled.

        None stands for a group that failed at every attempt, or whose answers were lost: it may have happened. Raises
        FailureError when the request was left to a newer worker.
        """
        external = self._calls.external_systems
        more = {"known": len(flow.results), "alone": alone, "external_systems": external}
        call = ActivityCall(
            flow.flow.name,
            GroupResult,
            System.STORE,
            flow.command.model_copy(update=more),
            ", ".join(step.name for step in flow.upcoming(external)),
        )
        with self.progress.group(call.name, call.summary):
            result, cancelled = await await_outcome(self._attempt_group(call))
        return result, cancelled

    async def _attempt_group(self, call: ActivityCall[GroupResult]) -> GroupResult | None:
        try:
            return await self._calls.local(call, GROUP_ATTEMPTS, GROUP_ATTEMPT)
        except FailureError as failure:
            if not is_left_to_newer_worker(failure):
                workflow.logger.warning("%s continues step by step: %s", call.name, error_code(failure))
                return None
        try:
            # Of the workers on the queue one may be newer. The requests behind this one wait no longer than they may.
            return await self._calls.queued(call, NEWER_WORKER_WAIT)
        except FailureError as failure:
            if is_left_to_newer_worker(failure):
                raise
            return None

    def find_newer_worker(self, change: str, order: str) -> ActivityHandle[Nothing]:
        """Start to look for a worker that knows the format of a request; its retries record no events."""
        return self._calls.queued(_of_store(Nothing, CheckFormatCommand(change=change, order=order)), None)

    async def withdraw_group(self, flow: FlowRun) -> WithdrawGroupResult:
        """Make sure that the groups of a request do nothing any more; from then on its steps run one by one."""
        flow.leave_groups()
        command = flow.command.model_copy(update={"known": len(flow.results)})
        call = ActivityCall(WITHDRAW_GROUP, WithdrawGroupResult, System.STORE, command, "continue step by step")
        return await self._finish(call)

    async def run(self, step: Check[C, R] | Harmless[C, R] | Reversible[C, R], command: C) -> R:
        """Run a step that may fail. Raises FailureError: a refusal, or a fault after its retries."""
        call = ActivityCall.of_step(step, command)
        try:
            with self.progress.step(step.name, command.summary()):
                if self._calls.is_external(step.system):
                    return await finish_then_cancel(self._calls.queued(call, EXTERNAL_TOTAL))
                return await finish_then_cancel(self._calls.local(call, LOCAL_ATTEMPTS))
        except FailureError as failure:
            if not needs_newer_worker(failure) or is_left_to_newer_worker(failure):
                raise
        # A newer worker has begun the request: only such a one can finish it, and knows how to undo it.
        return await self._retry_until_done(call)

    async def undo(self, step: Reversible[C, R], command: C) -> None:
        """Undo a step, however long it takes."""
        summary = f"undo: {command.summary()}"
        await self._retry_until_done(ActivityCall(step.undo_name, Nothing, step.system, command, summary))

    def undone_in_group(self, step: Reversible[Any, Any]) -> bool:
        """Whether a step's undo may share a transaction with others: the step is in our own database."""
        return not self._calls.is_external(step.system)

    async def undo_group(self, command: UndoStepsCommand, shown: Sequence[tuple[str, str]]) -> bool:
        """Undo adjacent own steps in one transaction; return whether that is known to have happened.

        `shown` are the names of the undos and their descriptions, for the progress.
        """
        call = _of_store(Nothing, command)
        try:
            with self.progress.group(call.name, call.summary):
                await ignore_cancellation(self._calls.local(call, GROUP_ATTEMPTS, GROUP_ATTEMPT))
        except FailureError as failure:
            workflow.logger.warning("steps are undone one by one: %s", error_code(failure))
            return False
        for name, description in shown:
            self.progress.show_step(name, description, "done")
        return True

    async def run_until_known(
        self, step: Check[C, R] | Harmless[C, R] | Reversible[C, R] | Pivot[C, R], command: C
    ) -> R:
        """Run a step until its outcome is known: the pivot, one after it, or one before it that may be settled already.

        Raises FailureError only for a refusal, when an earlier request or a newer worker has to come first, or
        FINAL_WITHDRAWN when a reversal or a reseat has withdrawn its key.
        """
        return await self._retry_until_done(ActivityCall.of_step(step, command), may_be_refused=True)

    async def run_final(self, final: Final[C, R], command: C) -> R:
        """Run a final step until it is done.

        A step in our own database first runs as a local activity, for a limited number of attempts: a local activity
        that keeps failing would fill the history.
        """
        return await self._finish(ActivityCall.of_step(final, command))

    async def _finish(self, call: ActivityCall[R]) -> R:
        since, attempts = workflow.now(), 0
        if not self._calls.is_external(call.system):
            try:
                with self.progress.step(call.name, call.summary):
                    return await ignore_cancellation(self._calls.local(call, LOCAL_ATTEMPTS))
            except FailureError as failure:
                _check_not_withdrawn(failure)
                attempts = attempts_in(failure)
                workflow.logger.warning("%s continues as a regular activity", call.name)
        return await self._retry_until_done(call, since=since, attempts=attempts)

    async def retry_now(self, action: RetryNow) -> None:
        """Retry the stuck step at once. Raises FailureError when the retry cannot be recorded on the order."""
        stuck = self._stuck
        if stuck:
            retry = {"reason": action.reason, "statement_event": action.statement_event, "at": workflow.now()}
            await self._record_attention(stuck.model_copy(update={"code": None, **retry}))
        # The step may have succeeded meanwhile, and another one may be stuck by now.
        self._retry = self._retry or (stuck is not None and self._stuck is stuck)

    async def run_beside(self, step: Pivot[C, R] | Final[C, R], command: C, at_most: timedelta | None = None) -> R:
        """Run a step of our own database beside the step that is stuck, until its outcome is known or time is up.

        Operators are not called for it: they see the stuck step, which has the turn. Raises FailureError for a refusal,
        and when the time is up.
        """
        return await ignore_cancellation(self._calls.queued(ActivityCall.of_step(step, command), at_most))

    def retry_stuck_step(self) -> None:
        """Let the stuck step, if there is one, find at once that its key is withdrawn."""
        self._retry = self._retry or self._stuck is not None

    async def done_by_hand(self, action: DoneByHand) -> None:
        """Accept that the stuck step was done by hand at its provider: its next attempt updates only our database.

        Raises ApplicationError when no step is stuck or a second person is needed, and FailureError when the
        check itself fails.
        """
        stuck = self._stuck
        accepted = await self._check_done_by_hand(stuck, action) if stuck else None
        if accepted is None or not accepted.confirmed_by or self._stuck is not stuck:
            raise no_stuck_step_error()
        self._by_hand = accepted

    async def _check_done_by_hand(self, stuck: RecordAttentionCommand, action: DoneByHand) -> CheckDoneByHandResult:
        step = {"change": stuck.change, "order": stuck.order, "stuck_step": stuck.stuck_step, "since": stuck.at}
        command = CheckDoneByHandCommand(**step, **action.model_dump())
        try:
            return await self._calls.local(_of_store(CheckDoneByHandResult, command), RECORD_ATTEMPTS)
        except FailureError as failure:
            if error_code(failure) == SecondPersonNeeded.code:
                raise ApplicationError(SecondPersonNeeded.sentence, type=SecondPersonNeeded.code) from None
            raise

    async def _retry_until_done(
        self, call: ActivityCall[R], *, may_be_refused: bool = False, since: datetime | None = None, attempts: int = 0
    ) -> R:
        """Run an activity until it succeeds, or is refused if it `may_be_refused`. After ATTENTION_AFTER it is stuck.

        `since` and `attempts` are those of its attempts as a local activity.
        """
        since = since or workflow.now()
        with self.progress.step(call.name, call.summary):
            try:
                return await ignore_cancellation(self._calls.queued(call, ATTENTION_AFTER))
            except FailureError as failure:
                if may_be_refused and ends_step(failure):
                    raise
                _check_not_withdrawn(failure)
                await self._seek_help(call, failure)
                stuck = StuckStep(
                    step=call.name,
                    description=call.summary,
                    since=since,
                    code=error_code(failure),
                    attempts=attempts + attempts_in(failure),
                    by_hand=self._calls.is_external(call.system) and call.by_hand,
                )
                with self.progress.attention(stuck):
                    done = self._retry_with_attention(call, stuck, may_be_refused=may_be_refused)
                    return await ignore_cancellation(done)

    async def _seek_help(self, call: ActivityCall[R], failure: FailureError) -> None:
        """Raise FINAL_WITHDRAWN when another way was found for a step that its provider refuses."""
        if self.before_attention is None or error_code(failure) != REFUSED_TOO_LATE:
            return
        if await ignore_cancellation(self.before_attention(call.command)):
            raise final_withdrawn_error() from failure

    async def _retry_with_attention(self, call: ActivityCall[R], stuck: StuckStep, *, may_be_refused: bool) -> R:
        command = call.command
        self._stuck = RecordAttentionCommand(
            change=command.change,
            order=command.order,
            stuck_step=stuck.step,
            at=stuck.since,
            code=stuck.code,
            attempts=stuck.attempts,
            by_hand=stuck.by_hand,
        )
        try:
            await self._record_attention(self._stuck)
        except FailureError:
            self.progress.set_unsettled(("unknown: the store does not answer",))
        try:
            return await self._attempt_until_done(call, may_be_refused=may_be_refused)
        finally:
            # A statement that came too late is about this step only, never about the next one that is stuck.
            self._stuck = self._by_hand = None

    async def _record_attention(self, command: RecordAttentionCommand) -> None:
        """Record the stuck step or its retry on the order, and show the order's unsettled items."""
        unsettled = await self._calls.local(_of_store(UnsettledItems, command), RECORD_ATTEMPTS)
        self.progress.set_unsettled(unsettled.items)

    async def _attempt_until_done(self, call: ActivityCall[R], *, may_be_refused: bool) -> R:
        while True:
            self._retry = False
            if self._by_hand:
                by_hand = {"done_by_hand_reason": self._by_hand.reason, "done_by_hand_by": self._by_hand.confirmed_by}
                call = call.with_command(call.command.model_copy(update=by_hand))
                self._by_hand = None
            self.progress.tries_again()
            attempt = self._calls.queued(call, None)
            await self._wait_for(attempt)
            if not attempt.done():
                # The result of this attempt is not needed any more: the next attempt has the same key.
                attempt.add_done_callback(lambda abandoned: abandoned.cancelled() or abandoned.exception())
                attempt.cancel()
                continue
            try:
                return await attempt
            except FailureError as failure:
                if may_be_refused and ends_step(failure):
                    raise
                _check_not_withdrawn(failure)
                self.progress.failed_again(error_code(failure), attempts_in(failure), workflow.now() + RETRY_AFTER)
            # The attempts of one activity are spaced by Temporal; one that is never retried has to be spaced here.
            await self._wait_for_help(RETRY_AFTER)

    async def _wait_for(self, attempt: ActivityHandle[R]) -> None:
        await workflow.wait_condition(lambda: attempt.done() or self._retry or self._by_hand is not None)

    async def _wait_for_help(self, at_most: timedelta) -> None:
        """Wait for an operator's action, but no longer than so."""
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._retry or self._by_hand is not None, timeout=at_most)


def _check_not_withdrawn(failure: FailureError) -> None:
    """Raise FINAL_WITHDRAWN when a step found its key withdrawn: only a reversal or a reseat withdraws it."""
    if is_withdrawn(failure):
        raise final_withdrawn_error() from failure


def _of_store(result_type: type[R], command: Command) -> ActivityCall[R]:
    return ActivityCall(command.step, result_type, System.STORE, command, command.summary())
