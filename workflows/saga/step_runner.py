"""Runs steps: with limited retries, or until they are done, with an operator's help if they are stuck."""

from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.workflow import ActivityHandle

from activities.attention import RecordAttentionCommand, UnsettledItems
from activities.done_by_hand import CheckDoneByHandCommand, CheckDoneByHandResult
from activities.support.step_kinds import (
    EXTERNAL_TOTAL,
    LOCAL_ATTEMPTS,
    Check,
    Command,
    Final,
    Harmless,
    Nothing,
    Pivot,
    Reversible,
    Step,
)
from domain.money import Money
from domain.refusals import SecondPersonNeeded
from temporal.messages import DoneByHand, RetryNow, StuckStep
from temporal.names import System
from workflows.saga.activity_calls import ActivityCall, ActivityCaller
from workflows.saga.cancellation import finish_then_cancel, ignore_cancellation
from workflows.saga.error_codes import error_code, is_refusal, no_stuck_step_error
from workflows.saga.progress import ProgressTracker

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)

# A step that must not be abandoned is shown to operators after failing for this long.
ATTENTION_AFTER = timedelta(seconds=30)
# Between two attempts of which the first cannot be retried by Temporal.
RETRY_AFTER = timedelta(minutes=1)
# Attempts at recording that a step is stuck: the recording must not delay the step itself.
RECORD_ATTEMPTS = 3


class StepRunner:
    """Runs steps for one workflow, and updates its progress."""

    def __init__(self, external_systems: tuple[System, ...], progress: ProgressTracker) -> None:
        self._calls = ActivityCaller(external_systems)
        self.progress = progress
        self._stuck: RecordAttentionCommand | None = None
        self._retry = False
        self._moves: Money | None = None
        self._by_hand: CheckDoneByHandResult | None = None

    async def run(self, step: Check[C, R] | Harmless[C, R] | Reversible[C, R], command: C) -> R:
        """Run a step that may fail. Raises FailureError: a refusal, or a fault after its retries."""
        with self.progress.step(step.name, command.summary()):
            if self._calls.is_external(step.system):
                call = ActivityCall.of_step(step, command)
                return await finish_then_cancel(self._calls.queued(call, EXTERNAL_TOTAL))
            return await finish_then_cancel(self._local(step, command))

    async def undo(self, step: Reversible[C, R], command: C) -> None:
        """Undo a step, however long it takes."""
        summary = f"undo: {command.summary()}"
        await self._retry_until_done(ActivityCall(step.undo_name, Nothing, step.system, command, summary))

    async def run_pivot(self, pivot: Pivot[C, R], command: C) -> None:
        """Run the pivot until its outcome is known. Raises FailureError only for a refusal."""
        await self._retry_until_done(ActivityCall.of_step(pivot, command), may_be_refused=True)

    async def run_final(self, final: Final[C, R], command: C) -> R:
        """Run a final step until it is done.

        A step in our own database first runs as a local activity, for a limited number of attempts: a local activity
        that keeps failing would fill the history.
        """
        if not self._calls.is_external(final.system):
            try:
                with self.progress.step(final.name, command.summary()):
                    return await ignore_cancellation(self._local(final, command))
            except FailureError:
                workflow.logger.warning("%s continues as a regular activity", final.name)
        return await self._retry_until_done(ActivityCall.of_step(final, command))

    def _local(self, step: Step[C, R], command: C) -> ActivityHandle[R]:
        return self._calls.local(step.name, step.result_type, command, LOCAL_ATTEMPTS)

    async def retry_now(self, action: RetryNow) -> None:
        """Retry the stuck step at once. Raises FailureError when the retry cannot be recorded on the order."""
        stuck = self._stuck
        if stuck:
            retry = {"reason": action.reason, "statement_event": action.statement_event, "at": workflow.now()}
            await self._record_attention(stuck.model_copy(update={"code": None, **retry}))
        # The step may have succeeded meanwhile, and another one may be stuck by now.
        self._retry = self._retry or (stuck is not None and self._stuck is stuck)

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
        command = CheckDoneByHandCommand(**step, amount=self._moves, **action.model_dump())
        try:
            return await self._calls.local(command.step, CheckDoneByHandResult, command, RECORD_ATTEMPTS)
        except FailureError as failure:
            if error_code(failure) == SecondPersonNeeded.code:
                raise ApplicationError(SecondPersonNeeded.sentence, type=SecondPersonNeeded.code) from None
            raise

    async def _retry_until_done(self, call: ActivityCall[R], *, may_be_refused: bool = False) -> R:
        """Run an activity until it succeeds; only the pivot may be refused. After ATTENTION_AFTER it is stuck."""
        with self.progress.step(call.name, call.summary):
            try:
                return await ignore_cancellation(self._calls.queued(call, ATTENTION_AFTER))
            except FailureError as failure:
                if may_be_refused and is_refusal(failure):
                    raise
                with self.progress.attention(call.name, call.summary, error_code(failure)) as stuck:
                    attempts = self._retry_with_attention(call, stuck, may_be_refused=may_be_refused)
                    return await ignore_cancellation(attempts)

    async def _retry_with_attention(self, call: ActivityCall[R], stuck: StuckStep, *, may_be_refused: bool) -> R:
        command = call.command
        self._moves = command.moves
        self._stuck = RecordAttentionCommand(
            change=command.change, order=command.order, stuck_step=stuck.step, at=stuck.since, code=stuck.code
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
        unsettled = await self._calls.local(command.step, UnsettledItems, command, RECORD_ATTEMPTS)
        self.progress.set_unsettled(unsettled.items)

    async def _attempt_until_done(self, call: ActivityCall[R], *, may_be_refused: bool) -> R:
        while True:
            self._retry = False
            if self._by_hand:
                by_hand = {"done_by_hand_reason": self._by_hand.reason, "done_by_hand_by": self._by_hand.confirmed_by}
                call = call.with_command(call.command.model_copy(update=by_hand))
                self._by_hand = None
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
                if may_be_refused and is_refusal(failure):
                    raise
                self.progress.failed_again(error_code(failure))
            # The attempts of one activity are spaced by Temporal; one that is never retried has to be spaced here.
            await self._wait_for_help(RETRY_AFTER)

    async def _wait_for(self, attempt: ActivityHandle[R]) -> None:
        await workflow.wait_condition(lambda: attempt.done() or self._retry or self._by_hand is not None)

    async def _wait_for_help(self, at_most: timedelta) -> None:
        """Wait for an operator's action, but no longer than so."""
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._retry or self._by_hand is not None, timeout=at_most)
