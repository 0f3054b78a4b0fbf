"""The workflow of an order: one run while the order has an open draft, and one queue for all its requests."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.drafts import CloseReason
from activities.plans import OperatorRequest
from domain.changes import ChangeKind, deadline_horizon
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
    StuckStep,
)
from temporal.names import DRAFT_CLOSING, NEEDS_DEADLINE, NEEDS_REASON, NEEDS_REQUEST, QUEUE_FULL, STEP_FAILED
from workflows import web_ui
from workflows.draft import Draft
from workflows.request_queue import MAX_WAITING, Admission, RequestQueue
from workflows.saga.cancellation import ignore_cancellation
from workflows.saga.error_codes import (
    is_left_to_newer_worker,
    newer_worker_error,
    no_stuck_step_error,
    not_by_hand_error,
)
from workflows.saga.progress import ProgressTracker
from workflows.saga.step_runner import StepRunner

# The Web UI's form may be sent without data.
NO_REQUEST, NO_DEADLINE, NO_REASON, NO_CLAIM = RequestInput(), ExtendInput(), RetryNow(), DoneByHand()
# Their updates count among the ten that Temporal admits in flight per workflow, six of which wait in the queue.
MAX_LEFT_TO_NEWER = 2
_EXTEND = 'Set the draft\'s deadline: {"minutes": 30} from now, or {"expires_at": "2027-03-01T12:00:00Z"}.'
_RETRY = 'Retry the stuck step at once. No data needed; or {"reason": "the bank is back"}.'
_DONE = 'State that you did the stuck step at its provider: {"reason": "refunded at the bank"}.'
_REVERSE = 'Reverse the stuck change: refund it, restore the old version: {"reason": "no seats are left"}.'
_RESEAT = 'Hold other seats for the stuck change and confirm them: {"reason": "the seats are gone"}.'
_CONFIRM = 'Confirm the draft; no amount may be due: {"reason": "paid at the counter"}.'


@workflow.defn(name=names.ORDER_DRAFT)
class OrderDraft:
    """Keeps an order's draft open until it is confirmed, discarded or expires. Requests run one after the other."""

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
        self._left_to_newer = 0
        self._provider_events: set[str] = set()
        """Requests of providers' events that are being served, so that one that is sent again has no second turn."""

    @workflow.run
    async def run(self, start: StartDraft) -> DraftResult:
        """Run as long as the draft is open: expire it at its deadline, discard it on cancellation.

        Raises ApplicationError STEP_FAILED at the end when a step of the last request failed, so that the run shows
        as failed.
        """
        await asyncio.sleep(0)  # lets the update that started this run enter the queue first
        if start.recover:
            await ignore_cancellation(self._exclusively(self._draft.recover))
        while not self._finished and not self._should_continue_as_new:
            try:
                await self._wait_until_due()
            except asyncio.CancelledError:
                await ignore_cancellation(self._exclusively(self._cancel))
            if self._draft.due:
                await ignore_cancellation(self._exclusively(self._expire))
        # From here on the validators reject updates, which records no event, and the API starts the next run.
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
        # The timer starts only when the queue is empty, so that a change in one go needs no timer.
        await workflow.wait_condition(lambda: self._queue.idle)
        armed = self._draft.expires_at
        if not self._draft.open or armed is None or self._draft.due:
            return
        # Extending the deadline does not cancel the timer; when it fires early, it is set again.
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._finished or self._should_continue_as_new or (self._draft.expires_at or armed) < armed,
                timeout=armed - workflow.now(),
                timeout_summary="draft expires",
            )

    async def _exclusively(self, handle: Callable[[], Awaitable[None]]) -> None:
        with self._queue.enqueue() as ticket:
            await self._queue.acquire_without_timeout(ticket)
            await handle()
            web_ui.update_search_attributes(self._progress, self._draft)

    async def _expire(self) -> None:
        if self._draft.due:
            self._progress.begin("deadline", "expiry")
            await self._draft.close(CloseReason.EXPIRED)
            self._progress.ended("done", None)

    async def _cancel(self) -> None:
        if self._draft.open:
            self._progress.begin("cancellation", "discard")
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
            raise ApplicationError("A step failed and the change was undone.", type=STEP_FAILED)
        return DraftResult(order=start.order, requests_handled=self._requests_handled)

    async def _serve(
        self, change_id: str | None, kind: ChangeKind, handle: Callable[[str], Awaitable[RequestResult]]
    ) -> RequestResult:
        change = change_id or self._operator_request_id()
        while True:
            try:
                return await self._serve_in_turn(change, kind, handle)
            except FailureError as failure:
                if not is_left_to_newer_worker(failure):
                    raise
            await self._wait_for_newer_worker(change)

    async def _serve_in_turn(
        self, change: str, kind: ChangeKind, handle: Callable[[str], Awaitable[RequestResult]]
    ) -> RequestResult:
        with self._queue.enqueue() as ticket:
            admission = await self._queue.acquire(ticket)
            if admission is not Admission.GRANTED:
                code = OrderBusy.code if admission is Admission.TIMED_OUT else OrderNeedsAttention.code
                return await self._draft.refuse(change, code)
            return await self._serve_now(change, kind, handle)

    async def _serve_now(
        self, change: str, kind: ChangeKind, handle: Callable[[str], Awaitable[RequestResult]]
    ) -> RequestResult:
        """Serve a request that has its turn."""
        await self._expire()
        self._progress.begin(change, kind)
        self._cancelled = False
        result = await self._draft.serve(change, lambda: handle(change))
        self._requests_handled += 1
        web_ui.update_search_attributes(self._progress, self._draft)
        return result

    async def _wait_for_newer_worker(self, change: str) -> None:
        """Wait, without a turn in the queue, until a worker knows the request's format.

        Raises NEWER_WORKER_NEEDED when the run ends before, or when other requests wait so: the request stays stored.
        """
        if self._left_to_newer >= MAX_LEFT_TO_NEWER:
            raise newer_worker_error()
        self._left_to_newer += 1
        try:
            found = self._runner.find_newer_worker(change, self._start.order)
            await workflow.wait_condition(lambda: found.done() or self._closing)
            if not found.done():
                found.cancel()
                raise newer_worker_error()
            await found
        finally:
            self._left_to_newer -= 1

    def _operator_request_id(self) -> str:
        update = workflow.current_update_info()
        return str(uuid5(NAMESPACE_URL, f"{self._start.order}/{update.id if update else ''}"))

    def _check_accepting(self, *, known: bool = True) -> None:
        if self._closing:
            raise ApplicationError("This run is ending; send the update to the next run.", type=DRAFT_CLOSING)
        if self._queue.waiting >= MAX_WAITING:
            raise ApplicationError("Too many requests are queued for this order.", type=QUEUE_FULL)
        if not known:
            raise ApplicationError("Send changes and payments through the API.", type=NEEDS_REQUEST)

    @workflow.update(name=names.CHANGE, description="Only for the API: run a change that it has recorded, by its id.")
    async def change(self, request: RequestInput = NO_REQUEST) -> RequestResult:
        """Run a change."""
        return await self._serve(request.change, ChangeKind.CHANGE, self._draft.change)

    @change.validator
    def _check_change(self, request: RequestInput = NO_REQUEST) -> None:
        self._check_accepting(known=request.change is not None)

    @workflow.update(name=names.CONFIRM, description=_CONFIRM)
    async def confirm(self, request: RequestInput = NO_REQUEST) -> RequestResult:
        """Confirm the draft."""
        by_operator = None if request.change else OperatorRequest(kind=ChangeKind.CONFIRM, reason=request.reason)
        return await self._serve(
            request.change, ChangeKind.CONFIRM, lambda change: self._draft.confirm(change, by_operator)
        )

    @confirm.validator
    def _check_confirm(self, request: RequestInput = NO_REQUEST) -> None:
        self._check_accepting()
        if not request.change:
            _check_reason(request.reason, _CONFIRM)

    @workflow.update(name=names.DISCARD, description="Undo the whole draft. No data needed.")
    async def discard(self, request: RequestInput = NO_REQUEST) -> RequestResult:
        """Discard the draft."""
        by_operator = None if request.change else OperatorRequest(kind=ChangeKind.DISCARD, reason=request.reason)
        return await self._serve(
            request.change, ChangeKind.DISCARD, lambda change: self._draft.discard(change, by_operator)
        )

    @discard.validator
    def _check_discard(self, request: RequestInput = NO_REQUEST) -> None:
        self._check_accepting()
        _check_reason(request.reason)

    @workflow.update(name=names.PAY, description="For the API: authorise a payment for the draft, by its id.")
    async def pay(self, request: RequestInput = NO_REQUEST) -> RequestResult:
        """Authorise a payment for the draft."""
        return await self._serve(request.change, ChangeKind.PAY, self._draft.pay)

    @pay.validator
    def _check_pay(self, request: RequestInput = NO_REQUEST) -> None:
        self._check_accepting(known=request.change is not None)

    @workflow.update(name=names.EXTEND, description=_EXTEND)
    async def extend(self, request: ExtendInput = NO_DEADLINE) -> RequestResult:
        """Move the draft's deadline."""
        data = {"expires_at": _deadline(request), "reason": request.reason}
        by_operator = None if request.change else OperatorRequest(kind=ChangeKind.EXTEND, **data)
        return await self._serve(
            request.change, ChangeKind.EXTEND, lambda change: self._draft.extend(change, by_operator)
        )

    @extend.validator
    def _check_extend(self, request: ExtendInput = NO_DEADLINE) -> None:
        self._check_accepting()
        _check_reason(request.reason)
        until, now = _deadline(request), workflow.now()
        if not request.change and (until is None or not now < until <= deadline_horizon(now)):
            raise ApplicationError(_EXTEND, type=NEEDS_DEADLINE)

    @workflow.update(name=names.PAYOUT, description="For the API: record that a refund was paid by hand, by its id.")
    async def payout(self, request: RequestInput = NO_REQUEST) -> RequestResult:
        """Record that a refund which no card took was paid by hand."""
        return await self._serve(request.change, ChangeKind.PAYOUT, self._draft.payout)

    @payout.validator
    def _check_payout(self, request: RequestInput = NO_REQUEST) -> None:
        self._check_accepting(known=request.change is not None)

    @workflow.signal(name=names.PROVIDER_EVENT, description="Only for the API: an event of a provider, by its id.")
    async def provider_event(self, request: RequestInput = NO_REQUEST) -> None:
        """Serve an event of a provider, which takes its turn however long that takes: it cannot be refused.

        One that is left to a newer worker stays stored, and the reconciliation of that worker submits it.
        """
        change = request.change
        if change is None or change in self._provider_events:
            return
        self._provider_events.add(change)
        try:
            with self._queue.enqueue() as ticket:
                await self._queue.acquire_without_timeout(ticket)
                await self._serve_now(change, ChangeKind.PROVIDER_EVENT, self._draft.provider_event)
        except FailureError as failure:
            if not is_left_to_newer_worker(failure):
                raise
        finally:
            self._provider_events.discard(change)

    @workflow.update(name=names.REVERSE, description=_REVERSE)
    async def reverse(self, request: RequestInput = NO_REQUEST) -> RequestResult:
        """Reverse the change that is stuck after its point of no return.

        It begins without a turn in the queue, since the stuck change has the turn; the rest waits for its turn.
        """
        change = request.change or self._operator_request_id()
        by_operator = None if request.change else OperatorRequest(kind=ChangeKind.REVERSE, reason=request.reason)
        refused = await self._draft.reversals.begin(change, by_operator)
        if refused:
            return refused
        with self._queue.enqueue() as ticket:
            await self._queue.acquire_without_timeout(ticket)
            self._progress.begin(change, ChangeKind.REVERSE)
            result = await self._draft.serve(change, lambda: self._draft.reverse(change))
            self._requests_handled += 1
            web_ui.update_search_attributes(self._progress, self._draft)
            return result

    @reverse.validator
    def _check_reverse(self, request: RequestInput = NO_REQUEST) -> None:
        self._check_accepting()
        if not request.change:
            _check_reason(request.reason, _REVERSE)

    @workflow.update(name=names.RESEAT, description=_RESEAT)
    async def reseat(self, request: RequestInput = NO_REQUEST) -> RequestResult:
        """Hold other seats for the change that is stuck after its point of no return, which then goes on.

        The stuck change has the turn and finishes the reseat. Only if an earlier run has left that change does this
        request take a turn.
        """
        change = request.change or self._operator_request_id()
        by_operator = None if request.change else OperatorRequest(kind=ChangeKind.RESEAT, reason=request.reason)
        reseats = self._draft.reseats
        refused = await reseats.begin(change, by_operator)
        if refused:
            return refused
        with self._queue.enqueue() as ticket:
            if await self._queue.acquire_unless(ticket, lambda: reseats.result_of(change) is not None):
                self._progress.begin(change, ChangeKind.RESEAT)
                await self._draft.serve(change, lambda: self._draft.reseat(change))
                web_ui.update_search_attributes(self._progress, self._draft)
        self._requests_handled += 1
        return await self._draft.reseat(change)

    @reseat.validator
    def _check_reseat(self, request: RequestInput = NO_REQUEST) -> None:
        self._check_accepting()
        if not request.change:
            _check_reason(request.reason, _RESEAT)

    @workflow.update(name=names.RETRY_NOW, description=_RETRY)
    async def retry_now(self, request: RetryNow = NO_REASON) -> None:
        """Retry the stuck step at once, without waiting in the queue."""
        await self._runner.retry_now(request)

    @retry_now.validator
    def _check_retry_now(self, request: RetryNow = NO_REASON) -> None:
        self._check_stuck()
        _check_reason(request.reason)

    @workflow.update(name=names.DONE_BY_HAND, description=_DONE)
    async def done_by_hand(self, request: DoneByHand = NO_CLAIM) -> None:
        """Record the stuck step as done by hand at its provider, without waiting in the queue."""
        await self._runner.done_by_hand(request)

    @done_by_hand.validator
    def _check_done_by_hand(self, request: DoneByHand = NO_CLAIM) -> None:
        if not self._check_stuck().by_hand:
            raise not_by_hand_error()
        if request.statement_event is None:
            _check_reason(request.reason, _DONE)

    def _check_stuck(self) -> StuckStep:
        if self._progress.stuck is None:
            raise no_stuck_step_error()
        return self._progress.stuck

    @workflow.query(
        name=names.PROGRESS, description="The request in progress, its steps, queued requests and a stuck step."
    )
    def progress(self) -> Progress:
        """Return the state of this run."""
        return web_ui.progress(self._start.order, self._progress, self._draft, self._queue)


def _deadline(request: ExtendInput) -> datetime | None:
    """Return the deadline in an operator's request."""
    return workflow.now() + timedelta(minutes=request.minutes) if request.minutes else request.expires_at


def _check_reason(text: str, needed: str = "") -> None:
    """Raise NEEDS_REASON for a reason that cannot be recorded, or that is missing: then `needed` is the message."""
    try:
        if text or needed:
            clean_reason(text)
    except ValueError as error:
        raise ApplicationError(needed if not text.strip() else f"A reason {error}.", type=NEEDS_REASON) from None
