"""The workflow: one run per order while it has an open draft, one queue for everything asked of it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.drafts import HowClosed
from activities.plans import ByHand
from domain.changes import FURTHEST_DEADLINE, ChangeKind
from domain.dual_control import clean_reason
from domain.refusals import NoTurn, OrderNeedsAttention
from temporal import names
from temporal.messages import Answer, Ask, DoneByHand, DraftEnd, ExtendAsk, Progress, RetryNow, StartDraft
from temporal.names import DRAFT_CLOSING, NEEDS_DEADLINE, NEEDS_REASON, NEEDS_REQUEST, QUEUE_FULL, STEP_FAILED
from workflows import web_ui
from workflows.draft import Draft
from workflows.request_queue import MOST_WAITING, Turn, Turns
from workflows.saga.cancellation import regardless
from workflows.saga.error_codes import nothing_stuck
from workflows.saga.progress import Board
from workflows.saga.step_runner import Steps

# The Web UI's form may be sent without data.
BY_HAND, NO_DEADLINE, NO_REASON, NOTHING_SAID = Ask(), ExtendAsk(), RetryNow(), DoneByHand()
_EXTEND = 'Let the draft live on: {"minutes": 30} from now, or {"expires_at": "2027-03-01T12:00:00Z"}.'
_RETRY = 'Try the stuck step again at once. No data needed; or {"reason": "the bank is back"}.'
_DONE = 'You did the stuck step at its provider: {"reason": "refunded at the bank"}.'
_CONFIRM = 'Make the draft the order; nothing may be owed: {"reason": "paid at the counter"}.'


@workflow.defn(name=names.ORDER_DRAFT)
class OrderDraft:
    """Holds an order's draft open until it is confirmed, discarded or expires."""

    @workflow.init
    def __init__(self, start: StartDraft) -> None:
        self._start = start
        self._board = Board(changed=self._show_details)
        self._steps = Steps(start.outside, self._board)
        self._draft = Draft(start, self._steps)
        self._turns = Turns(stuck=lambda: self._board.stuck is not None, changed=self._show_details)
        self._closing = False
        self._cancelled = False
        self._served = 0

    @workflow.run
    async def run(self, start: StartDraft) -> DraftEnd:
        """Live as long as the draft: wait for its deadline, honour a cancel, end when nothing is left."""
        await asyncio.sleep(0)  # lets the update that started this run take its turn first
        if start.recover:
            await regardless(self._in_turn(self._draft.recover))
        while not self._over and not self._too_long:
            try:
                await self._something_due()
            except asyncio.CancelledError:
                await regardless(self._in_turn(self._cancel))
            if self._draft.due:
                await regardless(self._in_turn(self._expire))
        # From here the validators refuse, which records nothing, and the API asks the next run.
        self._closing = True
        await regardless(workflow.wait_condition(workflow.all_handlers_finished))
        return self._ended(start)

    @property
    def _over(self) -> bool:
        return self._turns.quiet and not self._draft.open

    @property
    def _too_long(self) -> bool:
        return self._turns.quiet and workflow.info().is_continue_as_new_suggested()

    async def _something_due(self) -> None:
        # Armed only once nobody is served: a change in one go needs no timer at all.
        await workflow.wait_condition(lambda: self._turns.quiet)
        armed = self._draft.expires_at
        if not self._draft.open or armed is None or self._draft.due:
            return
        # A deadline that moves later leaves the timer alone; it rings early and is wound up again.
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._over or self._too_long or (self._draft.expires_at or armed) < armed,
                timeout=armed - workflow.now(),
                timeout_summary="the draft expires",
            )

    async def _in_turn(self, act: Callable[[], Awaitable[None]]) -> None:
        with self._turns.ticket() as mine:
            await self._turns.come_at_last(mine)
            await act()
            web_ui.show(self._board, self._draft)

    async def _expire(self) -> None:
        if self._draft.due:
            self._board.clear("the deadline", "expiry")
            await self._draft.close(HowClosed.EXPIRED)
            self._board.ended("done", None)

    async def _cancel(self) -> None:
        if self._draft.open:
            self._board.clear("a cancel", "discard")
            await self._draft.close(HowClosed.DISCARDED)
            self._board.ended("done", None)
            self._cancelled = True

    def _show_details(self) -> None:
        workflow.set_current_details(web_ui.details(self._board, self._draft, self._turns))

    def _ended(self, start: StartDraft) -> DraftEnd:
        if self._draft.open:
            workflow.continue_as_new(self._draft.as_start(start))
        if self._cancelled:
            raise asyncio.CancelledError
        if self._draft.broke:
            raise ApplicationError("A change broke and was undone.", type=STEP_FAILED)
        return DraftEnd(order=start.order, served=self._served)

    async def _serve(self, asked: str | None, kind: ChangeKind, act: Callable[[str], Awaitable[Answer]]) -> Answer:
        change = asked or self._id_by_hand()
        with self._turns.ticket() as mine:
            turn = await self._turns.come(mine)
            if turn is not Turn.COME:
                code = NoTurn.code if turn is Turn.TOO_LONG else OrderNeedsAttention.code
                return await self._draft.refuse(change, code)
            await self._expire()
            self._board.clear(change, kind)
            self._cancelled = False
            answer = await self._draft.served(change, lambda: act(change))
            self._served += 1
            web_ui.show(self._board, self._draft)
            return answer

    def _id_by_hand(self) -> str:
        update = workflow.current_update_info()
        return str(uuid5(NAMESPACE_URL, f"{self._start.order}/{update.id if update else ''}"))

    def _admit(self, *, known: bool = True) -> None:
        if self._closing:
            raise ApplicationError("This run is ending; ask the next one.", type=DRAFT_CLOSING)
        if self._turns.waiting >= MOST_WAITING:
            raise ApplicationError("Too many requests wait for this order.", type=QUEUE_FULL)
        if not known:
            raise ApplicationError("Send changes and payments through the API.", type=NEEDS_REQUEST)

    @workflow.update(name=names.CHANGE, description="For the API: run a change it has written down, by its id.")
    async def change(self, ask: Ask = BY_HAND) -> Answer:
        """Run a change."""
        return await self._serve(ask.change, ChangeKind.CHANGE, self._draft.change)

    @change.validator
    def _admit_change(self, ask: Ask = BY_HAND) -> None:
        self._admit(known=ask.change is not None)

    @workflow.update(name=names.CONFIRM, description=_CONFIRM)
    async def confirm(self, ask: Ask = BY_HAND) -> Answer:
        """Confirm the draft."""
        by_hand = None if ask.change else ByHand(kind=ChangeKind.CONFIRM, reason=ask.reason)
        return await self._serve(ask.change, ChangeKind.CONFIRM, lambda change: self._draft.confirm(change, by_hand))

    @confirm.validator
    def _admit_confirm(self, ask: Ask = BY_HAND) -> None:
        self._admit()
        if not ask.change:
            _check_reason(ask.reason, _CONFIRM)

    @workflow.update(name=names.DISCARD, description="Take the whole draft back. No data needed.")
    async def discard(self, ask: Ask = BY_HAND) -> Answer:
        """Discard the draft."""
        by_hand = None if ask.change else ByHand(kind=ChangeKind.DISCARD, reason=ask.reason)
        return await self._serve(ask.change, ChangeKind.DISCARD, lambda change: self._draft.discard(change, by_hand))

    @discard.validator
    def _admit_discard(self, ask: Ask = BY_HAND) -> None:
        self._admit()
        _check_reason(ask.reason)

    @workflow.update(name=names.PAY, description="For the API: set money aside for the draft, by the id of a payment.")
    async def pay(self, ask: Ask = BY_HAND) -> Answer:
        """Set money aside."""
        return await self._serve(ask.change, ChangeKind.PAY, self._draft.pay)

    @pay.validator
    def _admit_pay(self, ask: Ask = BY_HAND) -> None:
        self._admit(known=ask.change is not None)

    @workflow.update(name=names.EXTEND, description=_EXTEND)
    async def extend(self, ask: ExtendAsk = NO_DEADLINE) -> Answer:
        """Move the draft's deadline."""
        mine = {"expires_at": _deadline(ask), "reason": ask.reason}
        by_hand = None if ask.change else ByHand(kind=ChangeKind.EXTEND, **mine)
        return await self._serve(ask.change, ChangeKind.EXTEND, lambda change: self._draft.extend(change, by_hand))

    @extend.validator
    def _admit_extend(self, ask: ExtendAsk = NO_DEADLINE) -> None:
        self._admit()
        _check_reason(ask.reason)
        until, now = _deadline(ask), workflow.now()
        if not ask.change and (until is None or not now < until <= now + FURTHEST_DEADLINE):
            raise ApplicationError(_EXTEND, type=NEEDS_DEADLINE)

    @workflow.update(name=names.RETRY_NOW, description=_RETRY)
    async def retry_now(self, ask: RetryNow = NO_REASON) -> None:
        """Try the stuck step again at once; takes no turn."""
        await self._steps.retry_now(ask)

    @retry_now.validator
    def _admit_retry(self, ask: RetryNow = NO_REASON) -> None:
        self._admit_help()
        _check_reason(ask.reason)

    @workflow.update(name=names.DONE_BY_HAND, description=_DONE)
    async def done_by_hand(self, ask: DoneByHand = NOTHING_SAID) -> None:
        """Take the stuck step for done at its provider; takes no turn."""
        await self._steps.done_by_hand(ask)

    @done_by_hand.validator
    def _admit_by_hand(self, ask: DoneByHand = NOTHING_SAID) -> None:
        self._admit_help()
        if ask.said is None:
            _check_reason(ask.reason, _DONE)

    def _admit_help(self) -> None:
        if self._board.stuck is None:
            raise nothing_stuck()

    @workflow.query(name=names.PROGRESS, description="What is done right now, what waits, what is stuck.")
    def progress(self) -> Progress:
        """Return what this run is doing."""
        return web_ui.progress(self._start.order, self._board, self._draft, self._turns)


def _deadline(ask: ExtendAsk) -> datetime | None:
    """Return the deadline an operator wants."""
    return workflow.now() + timedelta(minutes=ask.minutes) if ask.minutes else ask.expires_at


def _check_reason(text: str, needed: str = "") -> None:
    """Raise NEEDS_REASON for a reason that cannot be recorded, or for none where one is needed: `needed` says how."""
    try:
        if text or needed:
            clean_reason(text)
    except ValueError as error:
        raise ApplicationError(needed if not text.strip() else f"A reason {error}.", type=NEEDS_REASON) from None
