"""One order's draft: its requests, one after the other, and how it ends.

Which step follows which stands in activities/flows.py. Here a draft follows the flow of each request, and is closed;
what it knows of itself is in workflows/draft_state.py. Which steps are undone, and when, is decided by the saga
(workflows/saga/saga.py).
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from temporalio.exceptions import FailureError

from activities.drafts import CLOSE_DRAFT, CloseDraftCommand, CloseReason
from activities.flows import CHANGE, CONFIRM, DISCARD, EXTEND, PAY, PAY_OUT, PROVIDER_EVENT
from activities.order_lines import SWAP_OFFER_BUNDLE
from activities.outcomes import RECORD_OUTCOME, RecordOutcomeCommand
from activities.payments import AUTHORISE_PAYMENT
from activities.plans import PLAN_CHANGE, OperatorRequest, PlanChangeResult
from activities.recovery import FIND_UNFINISHED_WORK, FindUnfinishedWorkCommand
from activities.seats import EXTEND_HOLDS, RELEASE_REPLACED_SEATS, ReleaseReplacedSeatsCommand
from activities.support.flow import Flow, FlowRun, GroupCommand
from domain.changes import ChangeKind, ChangeState
from domain.refusals import NothingToReseat
from temporal.messages import RequestResult, StartDraft
from temporal.names import (
    NEWER_WORKER_NEEDED,
    PROVIDER_ANSWER_WRONG,
    PROVIDER_PENDING,
    PROVIDER_UNAVAILABLE,
    RECOVERY_REQUIRED,
    REVERSED,
    STEP_FAILED,
)
from workflows.draft_state import DraftState
from workflows.reseats import Reseats
from workflows.reversals import Reversals
from workflows.saga.error_codes import (
    error_code,
    is_final_withdrawn,
    is_left_to_newer_worker,
    is_refusal,
)
from workflows.saga.saga import Saga, SagaError, recorded_undos
from workflows.saga.step_runner import StepRunner

_NO_USABLE_ANSWER = (PROVIDER_UNAVAILABLE, PROVIDER_ANSWER_WRONG, PROVIDER_PENDING)


class Draft(DraftState):
    """The open draft of one order; without one, the next change opens it.

    Its saga holds the undo of every step of every change in it. Each request runs in a saga nested in that one: if the
    request fails, only its own steps are undone; if it succeeds, the draft takes over its undos.
    """

    def __init__(self, start: StartDraft, runner: StepRunner) -> None:
        super().__init__(start, runner)
        self._order = start.order
        self.reversals = Reversals(start.order, runner)
        self.reseats = Reseats(start.order, runner, by_itself=start.reseats_by_itself)
        self.last_request_failed = False
        """Whether a step of the last request failed, so that the whole request was undone."""

    async def change(self, change: str) -> RequestResult:
        """Change the draft. A request to change in one go also confirms it: all of it happens, or none."""
        run, ended = await self._follow(CHANGE, change)
        if ended:
            if ended.state is ChangeState.DONE:
                # The attempt that recorded the outcome may not have come to the step behind it.
                command = ReleaseReplacedSeatsCommand(change=change, order=self._order)
                await self._runner.run_final(RELEASE_REPLACED_SEATS, command)
            return ended
        plan, swap = run.result_of(PLAN_CHANGE), run.result_of(SWAP_OFFER_BUNDLE)
        if plan and plan.ends_draft:
            # What was confirmed is all that is left: the draft's steps are undone, as if it had never been opened.
            await self.close(CloseReason.RESTORED)
            return await self._record(change, ChangeState.DONE)
        if swap and not self._confirmed(run):
            self._opened_by, self.expires_at = swap.draft_opened_by, swap.expires_at
        return self._recorded(change, run)

    async def confirm(self, change: str, operator_request: OperatorRequest | None = None) -> RequestResult:
        """Confirm the whole draft: settle the money, then confirm seats and order."""
        run, ended = await self._follow(CONFIRM, change, operator_request)
        if ended:
            return ended
        self._confirmed(run)
        return self._recorded(change, run)

    async def pay(self, change: str) -> RequestResult:
        """Authorise a payment for the draft. Only the draft's confirmation captures it."""
        run, ended = await self._follow(PAY, change)
        plan, payment = run.result_of(PLAN_CHANGE), run.result_of(AUTHORISE_PAYMENT)
        if ended or plan is None or payment is None or plan.amount_due is None:
            return ended or _earlier_result(change, plan)
        self.expires_at = payment.expires_at or self.expires_at
        self.amount_due = self.amount_due - plan.amount_due if self.amount_due else None
        return self._recorded(change, run)

    async def extend(self, change: str, operator_request: OperatorRequest | None = None) -> RequestResult:
        """Move the draft's deadline, after the holds on its seats."""
        run, ended = await self._follow(EXTEND, change, operator_request)
        extended = run.result_of(EXTEND_HOLDS)
        if ended or extended is None:
            return ended or _earlier_result(change, run.result_of(PLAN_CHANGE))
        self.expires_at = extended.expires_at
        return self._recorded(change, run)

    async def payout(self, change: str) -> RequestResult:
        """Record that a refund was paid by hand. It does not belong to the draft and has a saga of its own."""
        run, ended = await self._follow(PAY_OUT, change, saga=Saga(self._runner))
        return ended or self._recorded(change, run)

    async def provider_event(self, change: str) -> RequestResult:
        """Record what has happened at a provider. It does not belong to the draft and has a saga of its own."""
        run, ended = await self._follow(PROVIDER_EVENT, change, saga=Saga(self._runner))
        return ended or self._recorded(change, run)

    async def reverse(self, change: str) -> RequestResult:
        """Reverse the change that is stuck after its point of no return: refund it and restore the confirmed version.

        Raises FailureError for a refusal.
        """
        result, status = await self.reversals.finish(change)
        if status is not None:
            self.status, self._first_request = status, False
            self._reset()
        return result

    async def discard(self, change: str, operator_request: OperatorRequest | None = None) -> RequestResult:
        """Undo the whole draft and close it."""
        run, ended = await self._follow(DISCARD, change, operator_request)
        if ended:
            return ended
        if run.result_of(RECORD_OUTCOME):
            return self._recorded(change, run)
        await self.close(CloseReason.DISCARDED)
        return await self._record(change, ChangeState.DONE)

    async def close(self, reason: CloseReason) -> None:
        """Undo every step of the draft and close it. A draft that is committed stays as it is.

        An order that was never confirmed keeps its lines when it expires: only its seats are released and its
        payments voided.
        """
        await self._reload()
        if not self.open or (reason is CloseReason.EXPIRED and not self.due):
            return
        if self._closing and reason is CloseReason.EXPIRED:
            # An earlier run has begun to close the draft, not its deadline.
            reason = CloseReason.DISCARDED
        keep = (SWAP_OFFER_BUNDLE,) if reason is CloseReason.EXPIRED and not self._ever_confirmed else ()
        saga, opener = self._saga, self._opened_by or ""
        await saga.unwind(keep)
        await saga.finish(CLOSE_DRAFT, CloseDraftCommand(change=opener, order=self._order, reason=reason))
        self._reset()

    async def serve(self, change: str, handle: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        """Run one request until it has an outcome: done, refused, or failed and undone.

        Raises FailureError for a request that was left to a newer worker: nothing has happened.
        """
        try:
            result = await self._run_to_outcome(change, handle)
        except FailureError:
            self._runner.progress.ended(ChangeState.WAITING, NEWER_WORKER_NEEDED)
            raise
        self._runner.progress.ended(result.state, result.code)
        return result

    async def _run_to_outcome(self, change: str, handle: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        self.last_request_failed = False
        amounts_before = self.price_difference, self.amount_due
        try:
            return await self._with_recovery(change, handle)
        except FailureError as failure:
            self.price_difference, self.amount_due = amounts_before
            if is_final_withdrawn(failure):
                return await self._withdrawn(change, handle)
            if is_left_to_newer_worker(failure):
                raise
            if is_refusal(failure):
                return await self._record(change, ChangeState.REFUSED, error_code(failure))
            self.last_request_failed = True
            unavailable = error_code(failure) in _NO_USABLE_ANSWER
            return await self._record(change, ChangeState.UNDONE, PROVIDER_UNAVAILABLE if unavailable else STEP_FAILED)

    async def _withdrawn(self, change: str, handle: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        """Finish the reversal of a change that found a step withdrawn; or its reseat, and then serve it again."""
        work = await self._runner.run_final(
            FIND_UNFINISHED_WORK, FindUnfinishedWorkCommand(change=change, order=self._order)
        )
        reversals = [each.change for each in work.requests if each.kind is ChangeKind.REVERSE]
        if reversals:
            await self.reverse(reversals[0])
            return RequestResult(change=change, state=ChangeState.UNDONE, code=REVERSED)
        begun = next((each for each in work.reseats if each.reseat.change == change), None)
        if begun is None:
            # The run was reset to before the reversal or the last reseat, and the change has ended since.
            self._replace(work)
            return await self._record(change, ChangeState.UNDONE, REVERSED)
        if begun.reseat.number <= self.reseats.number_of(change):
            raise SagaError("a step of a change was withdrawn, and no reversal or reseat of it is found")
        try:
            await self.reseats.finish(begun)
        except FailureError as failure:
            if not is_final_withdrawn(failure):
                raise
            return await self._withdrawn(change, handle)
        await self._reload()
        # The steps before give their recorded results.
        return await self._run_to_outcome(change, handle)

    async def reseat(self, request: str) -> RequestResult:
        """Finish a reseat that has begun while its change had no turn: an earlier run has left it. Then serve it."""
        if self.reseats.result_of(request) is None:
            await self._recover(FindUnfinishedWorkCommand(change="", order=self._order))
        return self.reseats.result_of(request) or await self.refuse(request, NothingToReseat.code)

    async def recover(self) -> None:
        """Adopt the draft of an earlier run, then serve the requests it left unfinished or never started."""
        await self._recover(FindUnfinishedWorkCommand(change="", order=self._order, include_unclaimed=True))

    async def _with_recovery(self, change: str, handle: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        try:
            return await handle()
        except FailureError as failure:
            if error_code(failure) != RECOVERY_REQUIRED:
                raise
        await self._recover(FindUnfinishedWorkCommand(change=change, order=self._order))
        return await handle()

    async def _recover(self, command: FindUnfinishedWorkCommand) -> None:
        progress = self._runner.progress
        interrupted = progress.current
        work = await self._runner.run_final(FIND_UNFINISHED_WORK, command)
        self.status, self.channel = work.status or self.status, work.channel or self.channel
        if self._first_request:
            # Otherwise a request that this run served earlier has adopted the draft already.
            self._adopt(work.draft)
            self._ever_confirmed, self._first_request = work.ever_confirmed, False
        if self._closing:
            await self.close(CloseReason.DISCARDED)
        for each in work.requests:
            progress.begin(each.change, each.kind)
            # One that was left to a newer worker waits: the reconciliation of that worker starts it again.
            with suppress(FailureError):
                await self.serve(each.change, partial(self._handler_of(each.kind), each.change))
        for undo in recorded_undos(work.residual_steps):
            await self._runner.undo(undo.step, undo.command)
        progress.resume(interrupted)

    async def _reload(self) -> None:
        """Read the draft from the store: a workflow task may be lost after all its steps were committed there."""
        work = await self._runner.run_final(
            FIND_UNFINISHED_WORK, FindUnfinishedWorkCommand(change="", order=self._order)
        )
        self._replace(work)

    def _handler_of(self, kind: ChangeKind) -> Callable[[str], Awaitable[RequestResult]]:
        handlers: dict[ChangeKind, Callable[[str], Awaitable[RequestResult]]] = {
            ChangeKind.CHANGE: self.change,
            ChangeKind.CONFIRM: self.confirm,
            ChangeKind.PAY: self.pay,
            ChangeKind.EXTEND: self.extend,
            ChangeKind.PAYOUT: self.payout,
            ChangeKind.REVERSE: self.reverse,
            ChangeKind.RESEAT: self.reseats.serve,
            ChangeKind.PROVIDER_EVENT: self.provider_event,
        }
        return handlers.get(kind, self.discard)

    async def refuse(self, change: str, code: str) -> RequestResult:
        """Refuse a request that did not get its turn in the queue, without reading the order."""
        return await self._record(change, ChangeState.REFUSED, code)

    async def _follow(
        self, flow: Flow, change: str, operator_request: OperatorRequest | None = None, saga: Saga | None = None
    ) -> tuple[FlowRun, RequestResult | None]:
        """Follow the flow of a request to its end; return it, with the request's result if it has ended early."""
        command = GroupCommand(
            change=change,
            order=self._order,
            operator_request=operator_request,
            first_in_run=self._first_request,
            reseat=self.reseats.number_of(change),
        )
        run = flow.start(command)
        await (saga or self._saga.nested()).follow(run, self._learn)
        plan = run.result_of(PLAN_CHANGE)
        if run.ended is None:
            return run, _earlier_result(change, plan) if plan and plan.already_ended else None
        self.status = run.ended.status
        if run.ended.state is ChangeState.DONE:
            # It was done by an attempt whose answer was lost, or by an earlier run: the store knows what is open.
            await self._reload()
        return run, RequestResult(change=change, state=run.ended.state, code=run.ended.code)

    def _recorded(self, change: str, run: FlowRun) -> RequestResult:
        """Return the outcome that a step of the flow has recorded."""
        recorded = run.result_of(RECORD_OUTCOME)
        if recorded is None:
            return RequestResult(change=change, state=ChangeState.DONE)
        self.status = recorded.status
        return RequestResult(change=change, state=recorded.state, code=recorded.code)

    async def _record(self, change: str, state: ChangeState, code: str | None = None) -> RequestResult:
        command = RecordOutcomeCommand(change=change, order=self._order, state=state, code=code)
        recorded = await self._runner.run_final(RECORD_OUTCOME, command)
        self.status = recorded.status
        return RequestResult(change=change, state=recorded.state, code=recorded.code)


def _earlier_result(change: str, plan: PlanChangeResult | None) -> RequestResult:
    state = plan.already_ended if plan else None
    return RequestResult(change=change, state=state or ChangeState.REFUSED, code=plan.code if plan else None)
