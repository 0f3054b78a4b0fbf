"""The workflow: one run per order while it has an open draft, one queue for everything asked of it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.drafts import CloseReason
from activities.plans import OperatorRequest
from domain.changes import MAX_DEADLINE, ChangeKind
from domain.dual_control import clean_reason
from domain.refusals import OrderBusy, OrderNeedsAttention
from temporal import names
from temporal.messages import (
    DoneByHand,
    DraftResult,
    ExtendInput,
    Progress,
    RequestInput,
    RequestResult,
    RetryNow,
    StartDraft,
)
from temporal.names import DRAFT_CLOSING, NEEDS_DEADLINE, NEEDS_REASON, NEEDS_REQUEST, QUEUE_FULL, STEP_FAILED
from workflows import web_ui
from workflows.draft import Draft
from workflows.request_queue import MAX_WAITING, Admission, RequestQueue
from workflows.saga.cancellation import ignore_cancellation
from workflows.saga.error_codes import no_stuck_step_error
from workflows.saga.progress import ProgressTracker
from workflows.saga.step_runner import StepRunner

# The Web UI's form may be sent without data.
NO_REQUEST, NO_DEADLINE, NO_REASON, NO_CLAIM = RequestInput(), ExtendInput(), RetryNow(), DoneByHand()
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
        self._progress = ProgressTracker(changed=self._show_details)
        self._runner = StepRunner(start.external_systems, self._progress)
        self._draft = Draft(start, self._runner)
        self._queue = RequestQueue(stuck=lambda: self._progress.stuck is not None, changed=self._show_details)
        self._closing = False
        self._cancelled = False
        self._requests_handled = 0

    @workflow.run
    async def run(self, start: StartDraft) -> DraftResult:
        """Live as long as the draft: wait for its deadline, honour a cancel, end when nothing is left."""
        await asyncio.sleep(0)  # lets the update that started this run take its turn first
        if start.recover:
            await ignore_cancellation(self._exclusively(self._draft.recover))
        while not self._finished and not self._should_continue_as_new:
            try:
                await self._wait_until_due()
            except asyncio.CancelledError:
                await ignore_cancellation(self._exclusively(self._cancel))
            if self._draft.due:
                await ignore_cancellation(self._exclusively(self._expire))
        # From here the validators refuse, which records nothing, and the API asks the next run.
        self._closing = True
        await ignore_cancellation(workflow.wait_condition(workflow.all_handlers_finished))
        return self._ended(start)

    @property
    def _finished(self) -> bool:
        return self._queue.idle and not self._draft.open

    @property
    def _should_continue_as_new(self) -> bool:
        return self._queue.idle and workflow.info().is_continue_as_new_suggested()

    async def _wait_until_due(self) -> None:
        # Armed only once nobody is served: a change in one go needs no timer at all.
        await workflow.wait_condition(lambda: self._queue.idle)
        armed = self._draft.expires_at
        if not self._draft.open or armed is None or self._draft.due:
            return
        # A deadline that moves later leaves the timer alone; it rings early and is wound up again.
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._finished or self._should_continue_as_new or (self._draft.expires_at or armed) < armed,
                timeout=armed - workflow.now(),
                timeout_summary="the draft expires",
            )

    async def _exclusively(self, act: Callable[[], Awaitable[None]]) -> None:
        with self._queue.enqueue() as mine:
            await self._queue.acquire_without_timeout(mine)
            await act()
            web_ui.update_search_attributes(self._progress, self._draft)

    async def _expire(self) -> None:
        if self._draft.due:
            self._progress.begin("the deadline", "expiry")
            await self._draft.close(CloseReason.EXPIRED)
            self._progress.ended("done", None)

    async def _cancel(self) -> None:
        if self._draft.open:
            self._progress.begin("a cancel", "discard")
            await self._draft.close(CloseReason.DISCARDED)
            self._progress.ended("done", None)
            self._cancelled = True

    def _show_details(self) -> None:
        workflow.set_current_details(web_ui.details(self._progress, self._draft, self._queue))

    def _ended(self, start: StartDraft) -> DraftResult:
        if self._draft.open:
            workflow.continue_as_new(self._draft.as_start(start))
        if self._cancelled:
            raise asyncio.CancelledError
        if self._draft.last_request_failed:
            raise ApplicationError("A change broke and was undone.", type=STEP_FAILED)
        return DraftResult(order=start.order, requests_handled=self._requests_handled)

    async def _serve(
        self, asked: str | None, kind: ChangeKind, act: Callable[[str], Awaitable[RequestResult]]
    ) -> RequestResult:
        change = asked or self._operator_request_id()
        with self._queue.enqueue() as mine:
            turn = await self._queue.acquire(mine)
            if turn is not Admission.GRANTED:
                code = OrderBusy.code if turn is Admission.TIMED_OUT else OrderNeedsAttention.code
                return await self._draft.refuse(change, code)
            await self._expire()
            self._progress.begin(change, kind)
            self._cancelled = False
            answer = await self._draft.serve(change, lambda: act(change))
            self._requests_handled += 1
            web_ui.update_search_attributes(self._progress, self._draft)
            return answer

    def _operator_request_id(self) -> str:
        update = workflow.current_update_info()
        return str(uuid5(NAMESPACE_URL, f"{self._start.order}/{update.id if update else ''}"))

    def _check_accepting(self, *, known: bool = True) -> None:
        if self._closing:
            raise ApplicationError("This run is ending; ask the next one.", type=DRAFT_CLOSING)
        if self._queue.waiting >= MAX_WAITING:
            raise ApplicationError("Too many requests wait for this order.", type=QUEUE_FULL)
        if not known:
            raise ApplicationError("Send changes and payments through the API.", type=NEEDS_REQUEST)

    @workflow.update(name=names.CHANGE, description="For the API: run a change it has written down, by its id.")
    async def change(self, ask: RequestInput = NO_REQUEST) -> RequestResult:
        """Run a change."""
        return await self._serve(ask.change, ChangeKind.CHANGE, self._draft.change)

    @change.validator
    def _admit_change(self, ask: RequestInput = NO_REQUEST) -> None:
        self._check_accepting(known=ask.change is not None)

    @workflow.update(name=names.CONFIRM, description=_CONFIRM)
    async def confirm(self, ask: RequestInput = NO_REQUEST) -> RequestResult:
        """Confirm the draft."""
        by_hand = None if ask.change else OperatorRequest(kind=ChangeKind.CONFIRM, reason=ask.reason)
        return await self._serve(ask.change, ChangeKind.CONFIRM, lambda change: self._draft.confirm(change, by_hand))

    @confirm.validator
    def _admit_confirm(self, ask: RequestInput = NO_REQUEST) -> None:
        self._check_accepting()
        if not ask.change:
            _check_reason(ask.reason, _CONFIRM)

    @workflow.update(name=names.DISCARD, description="Take the whole draft back. No data needed.")
    async def discard(self, ask: RequestInput = NO_REQUEST) -> RequestResult:
        """Discard the draft."""
        by_hand = None if ask.change else OperatorRequest(kind=ChangeKind.DISCARD, reason=ask.reason)
        return await self._serve(ask.change, ChangeKind.DISCARD, lambda change: self._draft.discard(change, by_hand))

    @discard.validator
    def _admit_discard(self, ask: RequestInput = NO_REQUEST) -> None:
        self._check_accepting()
        _check_reason(ask.reason)

    @workflow.update(name=names.PAY, description="For the API: set money aside for the draft, by the id of a payment.")
    async def pay(self, ask: RequestInput = NO_REQUEST) -> RequestResult:
        """Set money aside."""
        return await self._serve(ask.change, ChangeKind.PAY, self._draft.pay)

    @pay.validator
    def _admit_pay(self, ask: RequestInput = NO_REQUEST) -> None:
        self._check_accepting(known=ask.change is not None)

    @workflow.update(name=names.EXTEND, description=_EXTEND)
    async def extend(self, ask: ExtendInput = NO_DEADLINE) -> RequestResult:
        """Move the draft's deadline."""
        mine = {"expires_at": _deadline(ask), "reason": ask.reason}
        by_hand = None if ask.change else OperatorRequest(kind=ChangeKind.EXTEND, **mine)
        return await self._serve(ask.change, ChangeKind.EXTEND, lambda change: self._draft.extend(change, by_hand))

    @extend.validator
    def _admit_extend(self, ask: ExtendInput = NO_DEADLINE) -> None:
        self._check_accepting()
        _check_reason(ask.reason)
        until, now = _deadline(ask), workflow.now()
        if not ask.change and (until is None or not now < until <= now + MAX_DEADLINE):
            raise ApplicationError(_EXTEND, type=NEEDS_DEADLINE)

    @workflow.update(name=names.RETRY_NOW, description=_RETRY)
    async def retry_now(self, ask: RetryNow = NO_REASON) -> None:
        """Try the stuck step again at once; takes no turn."""
        await self._runner.retry_now(ask)

    @retry_now.validator
    def _admit_retry(self, ask: RetryNow = NO_REASON) -> None:
        self._check_stuck()
        _check_reason(ask.reason)

    @workflow.update(name=names.DONE_BY_HAND, description=_DONE)
    async def done_by_hand(self, ask: DoneByHand = NO_CLAIM) -> None:
        """Take the stuck step for done at its provider; takes no turn."""
        await self._runner.done_by_hand(ask)

    @done_by_hand.validator
    def _admit_by_hand(self, ask: DoneByHand = NO_CLAIM) -> None:
        self._check_stuck()
        if ask.statement_event is None:
            _check_reason(ask.reason, _DONE)

    def _check_stuck(self) -> None:
        if self._progress.stuck is None:
            raise no_stuck_step_error()

    @workflow.query(name=names.PROGRESS, description="What is done right now, what waits, what is stuck.")
    def progress(self) -> Progress:
        """Return what this run is doing."""
        return web_ui.progress(self._start.order, self._progress, self._draft, self._queue)


def _deadline(ask: ExtendInput) -> datetime | None:
    """Return the deadline an operator wants."""
    return workflow.now() + timedelta(minutes=ask.minutes) if ask.minutes else ask.expires_at


def _check_reason(text: str, needed: str = "") -> None:
    """Raise NEEDS_REASON for a reason that cannot be recorded, or for none where one is needed: `needed` says how."""
    try:
        if text or needed:
            clean_reason(text)
    except ValueError as error:
        raise ApplicationError(needed if not text.strip() else f"A reason {error}.", type=NEEDS_REASON) from None
