"""How a step is run: once with its retries, or again and again until it is done."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.workflow import ActivityHandle

from activities.attention import AttentionActivities, RecordAttentionCommand
from activities.done_by_hand import CheckDoneByHandCommand, CheckDoneByHandResult, DoneByHandActivities
from activities.support.step_kinds import EXTERNAL_TOTAL, LOCAL_ATTEMPTS, Check, Command, Final, Pivot, Reversible
from domain.money import Money
from domain.refusals import SecondPersonNeeded
from temporal.messages import DoneByHand, RetryNow, StuckStep
from temporal.names import System
from workflows.saga.activity_calls import ActivityCaller
from workflows.saga.cancellation import finish_then_cancel, ignore_cancellation
from workflows.saga.error_codes import error_code, is_refusal, no_stuck_step_error
from workflows.saga.progress import ProgressTracker

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)

# After this long without success a step that may not give up is shown to operators.
ATTENTION_AFTER = timedelta(seconds=30)
# Noting it must not keep the step itself waiting.
RECORD_ATTEMPTS = 3


class StepRunner:
    """Runs steps for one workflow, and keeps the board of what is being done."""

    def __init__(self, outside: tuple[System, ...], board: ProgressTracker) -> None:
        self._calls = ActivityCaller(outside)
        self.progress = board
        self._stuck: RecordAttentionCommand | None = None
        self._retry = False
        self._moves: Money | None = None
        self._by_hand: CheckDoneByHandResult | None = None

    async def run(self, step: Check[C, R] | Reversible[C, R], command: C) -> R:
        """Run a step that may fail. Raises FailureError: a refusal, or a fault after its retries."""
        with self.progress.step(step.name, command.summary()):
            if self._calls.is_external(step.system):
                return await finish_then_cancel(self._calls.queued(step.do, step.system, command, EXTERNAL_TOTAL))
            return await finish_then_cancel(self._calls.local(step.do, command, LOCAL_ATTEMPTS))

    async def undo(self, step: Reversible[C, R], command: C) -> None:
        """Take a step back, however long it takes."""
        await self._retry_until_done(step.undo_name, step.undo, step.system, command, f"undo: {command.summary()}")

    async def run_pivot(self, pivot: Pivot[C, R], command: C) -> None:
        """Run the pivot until its outcome is known. Raises FailureError only for a refusal."""
        await self._retry_until_done(pivot.name, pivot.do, pivot.system, command, command.summary())

    async def run_final(self, final: Final[C, R], command: C) -> R:
        """Run a final step until it is done.

        Within our own database it is first tried in the local batch, for a bounded time: a local
        activity that fails for ever would fill the history.
        """
        if not self._calls.is_external(final.system):
            try:
                with self.progress.step(final.name, command.summary()):
                    return await ignore_cancellation(self._calls.local(final.do, command, LOCAL_ATTEMPTS))
            except FailureError:
                workflow.logger.warning("%s goes on as an activity", final.name)
        return await self._retry_until_done(final.name, final.do, final.system, command, command.summary())

    async def retry_now(self, said: RetryNow) -> None:
        """Try the stuck step again at once. Raises FailureError when that cannot be noted on the order."""
        stuck = self._stuck
        if stuck:
            asked = {"code": None, "reason": said.reason, "statement_event": said.statement_event, "at": workflow.now()}
            await self._record_attention(stuck.model_copy(update=asked))
        # It may have come through meanwhile, and another may be stuck by now.
        self._retry = self._retry or (stuck is not None and self._stuck is stuck)

    async def done_by_hand(self, said: DoneByHand) -> None:
        """Take the stuck step for done at its provider; our own books are still mended.

        Raises ApplicationError when that may not be said so, and FailureError when it cannot be found out.
        """
        stuck = self._stuck
        taken = await self._check_done_by_hand(stuck, said) if stuck else None
        if taken is None or not taken.confirmed_by or self._stuck is not stuck:
            raise no_stuck_step_error()
        self._by_hand = taken

    async def _check_done_by_hand(self, stuck: RecordAttentionCommand, said: DoneByHand) -> CheckDoneByHandResult:
        of = {"change": stuck.change, "order": stuck.order, "stuck_step": stuck.stuck_step, "since": stuck.at}
        command = CheckDoneByHandCommand(**of, amount=self._moves, **said.model_dump())
        try:
            return await self._calls.local(DoneByHandActivities.check_done_by_hand, command, RECORD_ATTEMPTS)
        except FailureError as failure:
            if error_code(failure) == SecondPersonNeeded.code:
                raise ApplicationError(SecondPersonNeeded.sentence, type=SecondPersonNeeded.code) from None
            raise

    async def _retry_until_done(self, name: str, do: Callable[[Any, C], R], system: System, command: C, what: str) -> R:
        """Run an activity until it succeeds or is refused. It never gives up and never hides."""
        with self.progress.step(name, what):
            try:
                return await ignore_cancellation(self._calls.queued(do, system, command, ATTENTION_AFTER, what))
            except FailureError as failure:
                if is_refusal(failure):
                    raise
                with self.progress.attention(name, what, error_code(failure)) as stuck:
                    return await ignore_cancellation(self._retry_with_attention(do, system, command, stuck))

    async def _retry_with_attention(self, do: Callable[[Any, C], R], system: System, command: C, stuck: StuckStep) -> R:
        self._moves = command.moves
        self._stuck = RecordAttentionCommand(
            change=command.change, order=command.order, stuck_step=stuck.step, at=stuck.since, code=stuck.code
        )
        try:
            await self._record_attention(self._stuck)
        except FailureError:
            self.progress.set_unsettled(("what is left cannot be told: the store does not answer",))
        try:
            return await self._attempt_until_done(do, system, command, stuck.description)
        finally:
            self._stuck = None

    async def _record_attention(self, note: RecordAttentionCommand) -> None:
        """Write it on the order, and show what is left."""
        left = await self._calls.local(AttentionActivities.record_attention, note, RECORD_ATTEMPTS)
        self.progress.set_unsettled(left.items)

    async def _attempt_until_done(self, do: Callable[[Any, C], R], system: System, command: C, what: str) -> R:
        while True:
            self._retry = False
            attempt = self._calls.queued(do, system, command, None, what)
            await self._wait_for(attempt)
            if self._by_hand:
                by_hand = {"done_by_hand_reason": self._by_hand.reason, "done_by_hand_by": self._by_hand.confirmed_by}
                command = command.model_copy(update=by_hand)
                self._by_hand = None
            if not attempt.done():
                # Its answer is not waited for any more: the next attempt has the same key.
                attempt.add_done_callback(lambda given_up: given_up.cancelled() or given_up.exception())
                attempt.cancel()
                continue
            try:
                return await attempt
            except FailureError as failure:
                if is_refusal(failure):
                    raise
                self.progress.failed_again(error_code(failure))

    async def _wait_for(self, attempt: ActivityHandle[R]) -> None:
        await workflow.wait_condition(lambda: attempt.done() or self._retry or self._by_hand is not None)
