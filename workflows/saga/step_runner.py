"""How a step is run: once with its retries, or again and again until it is done."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.workflow import ActivityHandle

from activities.attention import AttentionActivities, NoteAttention
from activities.done_by_hand import ByHandActivities, TakeByHand, TakenByHand
from activities.support.step_kinds import INSIDE_ATTEMPTS, OUTSIDE_TOTAL, Check, Command, Final, Pivot, Reversible
from domain.dual_control import TEMPORAL
from domain.money import Money
from domain.refusals import SecondPersonNeeded
from temporal.messages import DoneByHand, RetryNow, Stuck
from temporal.names import ATTENTION_NOTED, BY_HAND_HEARD, System
from workflows.saga.activity_calls import Calls
from workflows.saga.cancellation import regardless, to_the_end
from workflows.saga.error_codes import code_of, nothing_stuck, refused
from workflows.saga.progress import Board

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)

# After this long without success a step that may not give up is shown to operators.
PATIENCE = timedelta(seconds=30)
# Noting it must not keep the step itself waiting.
NOTE_ATTEMPTS = 3


class Steps:
    """Runs steps for one workflow, and keeps the board of what is being done."""

    def __init__(self, outside: tuple[System, ...], board: Board) -> None:
        self._calls = Calls(outside)
        self.board = board
        self._stuck: NoteAttention | None = None
        self._retry = False
        self._moves: Money | None = None
        self._by_hand: TakenByHand | None = None

    async def do(self, step: Check[C, R] | Reversible[C, R], command: C) -> R:
        """Run a step that may fail. Raises FailureError: a refusal, or a fault after its retries."""
        with self.board.doing(step.name, command.summary()):
            if self._calls.is_outside(step.system):
                return await to_the_end(self._calls.queued(step.do, step.system, command, OUTSIDE_TOTAL))
            return await to_the_end(self._calls.local(step.do, command, INSIDE_ATTEMPTS))

    async def undo(self, step: Reversible[C, R], command: C) -> None:
        """Take a step back, however long it takes."""
        await self._insist(step.undo_name, step.undo, step.system, command, f"undo: {command.summary()}")

    async def settle(self, pivot: Pivot[C, R], command: C) -> None:
        """Run the pivot until its outcome is known. Raises FailureError only for a refusal."""
        await self._insist(pivot.name, pivot.do, pivot.system, command, command.summary())

    async def finish(self, final: Final[C, R], command: C) -> R:
        """Run a final step until it is done.

        Within our own database it is first tried in the local batch, for a bounded time: a local
        activity that fails for ever would fill the history.
        """
        if not self._calls.is_outside(final.system):
            try:
                with self.board.doing(final.name, command.summary()):
                    return await regardless(self._calls.local(final.do, command, INSIDE_ATTEMPTS))
            except FailureError:
                workflow.logger.warning("%s goes on as an activity", final.name)
        return await self._insist(final.name, final.do, final.system, command, command.summary())

    async def retry_now(self, said: RetryNow) -> None:
        """Try the stuck step again at once. Raises FailureError when that cannot be noted on the order."""
        stuck = self._stuck
        if stuck:
            asked = {"code": None, "reason": said.reason, "said": said.said, "at": workflow.now()}
            await self._note(stuck.model_copy(update=asked))
        # It may have come through meanwhile, and another may be stuck by now.
        self._retry = self._retry or (stuck is not None and self._stuck is stuck)

    async def done_by_hand(self, said: DoneByHand) -> None:
        """Take the stuck step for done at its provider; our own books are still mended.

        Raises ApplicationError when that may not be said so, and FailureError when it cannot be found out.
        """
        stuck = self._stuck
        taken = await self._heard(stuck, said) if stuck else None
        if taken is None or not taken.by_whom or self._stuck is not stuck:
            raise nothing_stuck()
        self._by_hand = taken

    async def _heard(self, stuck: NoteAttention, said: DoneByHand) -> TakenByHand:
        # What the API has written down was never said to a worker before the patch: it is heard whatever that did.
        if said.said is None and not workflow.patched(BY_HAND_HEARD):
            return TakenByHand(reason=said.reason, by_whom=(TEMPORAL,))
        of = {"change": stuck.change, "order": stuck.order, "stuck": stuck.stuck, "since": stuck.at}
        command = TakeByHand(**of, amount=self._moves, **said.model_dump())
        try:
            return await self._calls.local(ByHandActivities.take_by_hand, command, NOTE_ATTEMPTS)
        except FailureError as failure:
            if code_of(failure) == SecondPersonNeeded.code:
                raise ApplicationError(SecondPersonNeeded.sentence, type=SecondPersonNeeded.code) from None
            raise

    async def _insist(self, name: str, do: Callable[[Any, C], R], system: System, command: C, what: str) -> R:
        """Run an activity until it succeeds or is refused. It never gives up and never hides."""
        with self.board.doing(name, what):
            try:
                return await regardless(self._calls.queued(do, system, command, PATIENCE, what))
            except FailureError as failure:
                if refused(failure):
                    raise
                with self.board.attention(name, what, code_of(failure)) as stuck:
                    return await regardless(self._attended(do, system, command, stuck))

    async def _attended(self, do: Callable[[Any, C], R], system: System, command: C, stuck: Stuck) -> R:
        said = {"stuck": stuck.step, "at": stuck.since, "code": stuck.code}
        self._stuck, self._moves = NoteAttention(change=command.change, order=command.order, **said), command.moves
        try:
            await self._note(self._stuck)
        except FailureError:
            self.board.left(("what is left cannot be told: the store does not answer",))
        try:
            return await self._until_done(do, system, command, stuck.what)
        finally:
            self._stuck = None

    async def _note(self, note: NoteAttention) -> None:
        """Write it on the order, and show what is left."""
        if workflow.patched(ATTENTION_NOTED):
            left = await self._calls.local(AttentionActivities.note_attention, note, NOTE_ATTEMPTS)
            self.board.left(left.words)

    async def _until_done(self, do: Callable[[Any, C], R], system: System, command: C, what: str) -> R:
        while True:
            self._retry = False
            attempt = self._calls.queued(do, system, command, None, what)
            await self._wait_for(attempt)
            if self._by_hand:
                by_hand = {"by_hand": self._by_hand.reason, "by_whom": self._by_hand.by_whom}
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
                if refused(failure):
                    raise
                self.board.failed_again(code_of(failure))

    async def _wait_for(self, attempt: ActivityHandle[R]) -> None:
        await workflow.wait_condition(lambda: attempt.done() or self._retry or self._by_hand is not None)
