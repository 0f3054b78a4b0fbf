"""One order's draft: the order in which its steps run.

Read this file to learn the flow. A change prices, holds seats and puts its lines on the draft. A confirmation settles
the money, which is the point of no return, and then confirms seats and order. What a step does stands in its
class (activities/); which steps are undone, and when, is decided by the saga (saga/saga.py).
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.drafts import CLOSE_DRAFT, CONFIRM_ORDER, CloseDraftCommand, CloseReason, ConfirmOrderCommand
from activities.order_lines import SWAP_OFFER_BUNDLE, SwapOfferBundleCommand, SwapOfferBundleResult
from activities.outcomes import RECORD_OUTCOME, RecordOutcomeCommand
from activities.payments import (
    AUTHORISE_PAYMENT,
    SETTLE_PRICE_DIFFERENCE,
    AuthorisePaymentCommand,
    SettlePriceDifferenceCommand,
)
from activities.payouts import RECORD_PAYOUT, RecordPayoutCommand
from activities.plans import PLAN_CHANGE, OperatorRequest, PlanChangeCommand, PlanChangeResult
from activities.quotes import QUOTE_CHANGE, QuoteChangeCommand
from activities.recovery import FIND_UNFINISHED_WORK, FindUnfinishedWorkCommand, OpenDraft, RecordedStep
from activities.seats import (
    CONFIRM_SEATS,
    EXTEND_HOLDS,
    RELEASE_REPLACED_SEATS,
    RESERVE_SEATS,
    ConfirmSeatsCommand,
    ExtendHoldsCommand,
    ReleaseReplacedSeatsCommand,
    ReserveSeatsCommand,
)
from activities.support.registry import REVERSIBLE
from activities.travellers import VALIDATE_TRAVELLERS, ValidateTravellersCommand
from domain.changes import ChangeKind, ChangeState
from domain.money import Money
from domain.orders import OrderStatus
from temporal.messages import RequestResult, StartDraft, UndoEntry
from temporal.names import RECOVERY_REQUIRED, STEP_FAILED, StepName
from workflows.saga.error_codes import error_code, is_refusal
from workflows.saga.saga import Saga, SagaError, Undo
from workflows.saga.step_runner import StepRunner


class Draft:
    """The open draft of one order; without one, the next change opens it.

    Its saga holds the undo of every step of every change in it. Each request runs in a saga nested in that one: if the
    request fails, only its own steps are undone; if it succeeds, the draft takes over its undos.
    """

    def __init__(self, start: StartDraft, runner: StepRunner) -> None:
        self._order = start.order
        self._runner = runner
        self._saga = Saga(runner, _undos(start.undos))
        self._opened_by = start.draft_opened_by
        self._ever_confirmed = start.ever_confirmed
        self._first_request = not start.undos
        self._closing = False
        self.expires_at = start.expires_at
        self.status: OrderStatus | None = None
        self.price_difference: Money | None = None
        self.amount_due: Money | None = None
        """The amount still to be paid for the draft, as far as this run knows; negative for a refund."""
        self.correlation_id: str | None = None
        self.channel: str | None = None
        self.last_request_failed = False
        """Whether a step of the last request failed, so that the whole request was undone."""

    @property
    def open(self) -> bool:
        """Whether the draft has steps that a discard would undo."""
        return bool(self._saga.undos)

    @property
    def due(self) -> bool:
        """Whether the draft must be closed: its deadline has passed, or an earlier run has undone a part of it."""
        passed = self.expires_at is not None and workflow.now() >= self.expires_at
        return self.open and (passed or self._closing)

    @property
    def undo_summaries(self) -> tuple[str, ...]:
        """The steps that a discard would undo, in words, in the order of their undoing."""
        return tuple(undo.command.summary() for undo in reversed(self._saga.undos))

    def as_start(self, start: StartDraft) -> StartDraft:
        """Return the input of the next run of this workflow, which continues with this draft."""
        entries = [UndoEntry(step=undo.step.name, command=undo.command.model_dump()) for undo in self._saga.undos]
        return start.model_copy(
            update={
                "undos": tuple(entries),
                "expires_at": self.expires_at,
                "draft_opened_by": self._opened_by,
                "ever_confirmed": self._ever_confirmed,
                "recover": False,
            }
        )

    async def change(self, change: str) -> RequestResult:
        """Change the draft. A request to change in one go also confirms it: all of it happens, or none."""
        block = self._saga.nested()
        async with block:
            plan = await self._plan(block, change)
            if plan.already_ended:
                return _earlier_result(change, plan)
            if plan.ends_draft:
                await self._check_and_quote(block, change)
            swap = None if plan.no_op or plan.ends_draft else await self._put_into_draft(block, change, plan)
        if plan.ends_draft:
            # What was confirmed is all that is left: the draft's steps are undone, as if it had never been opened.
            await self.close(CloseReason.RESTORED)
        if swap is None:
            return await self._record(change, ChangeState.DONE)
        if plan.confirm:
            return await self._complete(block, change)
        self._opened_by, self.expires_at = swap.draft_opened_by, swap.expires_at
        result = await self._record(change, ChangeState.DONE)
        if swap.replaced_held_seats:
            await block.finish(RELEASE_REPLACED_SEATS, ReleaseReplacedSeatsCommand(change=change, order=self._order))
        return result

    async def confirm(self, change: str, operator_request: OperatorRequest | None = None) -> RequestResult:
        """Confirm the whole draft: settle the money, then confirm seats and order."""
        block = self._saga.nested()
        async with block:
            plan = await self._plan(block, change, operator_request)
            if plan.already_ended:
                return _earlier_result(change, plan)
            if not plan.no_op:
                await self._settle(block, change, plan.amount_due)
        if plan.no_op:
            return await self._record(change, ChangeState.DONE)
        return await self._complete(block, change)

    async def pay(self, change: str) -> RequestResult:
        """Authorise a payment for the draft. Only the draft's confirmation captures it."""
        async with self._saga.nested() as block:
            plan = await self._plan(block, change)
            if plan.already_ended or plan.amount_due is None:
                return _earlier_result(change, plan)
            expires_at = await self._authorise(block, change, plan.amount_due)
            self.expires_at = expires_at or self.expires_at
            self.amount_due = self.amount_due - plan.amount_due if self.amount_due else None
        return await self._record(change, ChangeState.DONE)

    async def extend(self, change: str, operator_request: OperatorRequest | None = None) -> RequestResult:
        """Move the draft's deadline, after the holds on its seats."""
        async with self._saga.nested() as block:
            plan = await self._plan(block, change, operator_request)
            if plan.already_ended:
                return _earlier_result(change, plan)
            command = ExtendHoldsCommand(change=change, order=self._order, expires_at=plan.expires_at)
            self.expires_at = (await block.run(EXTEND_HOLDS, command)).expires_at
        return await self._record(change, ChangeState.DONE)

    async def payout(self, change: str) -> RequestResult:
        """Record that a refund was paid by hand. It is no part of the draft: it has a saga of its own."""
        async with Saga(self._runner) as block:
            plan = await self._plan(block, change)
            if plan.already_ended:
                return _earlier_result(change, plan)
            await block.commit(RECORD_PAYOUT, RecordPayoutCommand(change=change, order=self._order))
        return await self._record(change, ChangeState.DONE)

    async def discard(self, change: str, operator_request: OperatorRequest | None = None) -> RequestResult:
        """Undo the whole draft and close it."""
        async with self._saga.nested() as block:
            plan = await self._plan(block, change, operator_request)
            if plan.already_ended:
                return _earlier_result(change, plan)
        if not plan.no_op:
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
        keep = (SWAP_OFFER_BUNDLE,) if reason is CloseReason.EXPIRED and not self._ever_confirmed else ()
        saga, opener = self._saga, self._opened_by or ""
        await saga.unwind(keep)
        await saga.finish(CLOSE_DRAFT, CloseDraftCommand(change=opener, order=self._order, reason=reason))
        self._reset()

    async def serve(self, change: str, handle: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        """Run one request until it has an outcome: done, refused, or failed and undone."""
        result = await self._run_to_outcome(change, handle)
        self._runner.progress.ended(result.state, result.code)
        return result

    async def _run_to_outcome(self, change: str, handle: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        self.last_request_failed = False
        amounts_before = self.price_difference, self.amount_due
        try:
            return await self._with_recovery(change, handle)
        except FailureError as failure:
            self.price_difference, self.amount_due = amounts_before
            if is_refusal(failure):
                return await self._record(change, ChangeState.REFUSED, error_code(failure))
            self.last_request_failed = True
            return await self._record(change, ChangeState.UNDONE, STEP_FAILED)

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
            await self.serve(each.change, partial(self._handler_of(each.kind), each.change))
        for undo in recorded_undos(work.residual_steps):
            await self._runner.undo(undo.step, undo.command)
        progress.resume(interrupted)

    async def _reload(self) -> None:
        """Read the draft from the store: a workflow task may be lost after all its steps were committed there."""
        work = await self._runner.run_final(
            FIND_UNFINISHED_WORK, FindUnfinishedWorkCommand(change="", order=self._order)
        )
        self._reset()
        self._adopt(work.draft)
        self._ever_confirmed = work.ever_confirmed

    def _handler_of(self, kind: ChangeKind) -> Callable[[str], Awaitable[RequestResult]]:
        handlers: dict[ChangeKind, Callable[[str], Awaitable[RequestResult]]] = {
            ChangeKind.CHANGE: self.change,
            ChangeKind.CONFIRM: self.confirm,
            ChangeKind.PAY: self.pay,
            ChangeKind.EXTEND: self.extend,
            ChangeKind.PAYOUT: self.payout,
        }
        return handlers.get(kind, self.discard)

    def _adopt(self, draft: OpenDraft | None) -> None:
        if draft:
            self._saga.adopt(recorded_undos(draft.steps))
            self._opened_by, self.expires_at, self._closing = draft.draft_opened_by, draft.expires_at, draft.closing

    async def refuse(self, change: str, code: str) -> RequestResult:
        """Refuse a request that did not get its turn in the queue, without reading the order."""
        return await self._record(change, ChangeState.REFUSED, code)

    async def _plan(
        self, block: Saga, change: str, operator_request: OperatorRequest | None = None
    ) -> PlanChangeResult:
        command = PlanChangeCommand(
            change=change, order=self._order, operator_request=operator_request, first_in_run=self._first_request
        )
        plan = await block.run(PLAN_CHANGE, command)
        self._ever_confirmed = self._ever_confirmed or plan.ever_confirmed
        self.correlation_id = plan.correlation_id or self.correlation_id
        self.channel = plan.channel or self.channel
        self._runner.progress.set_summary(plan.summary)
        if self._first_request and not plan.already_ended:
            # The plan of a request that had already ended carries no draft: the next request loads it.
            self._adopt(plan.open_draft)
            self._first_request = False
        return plan

    async def _put_into_draft(self, block: Saga, change: str, plan: PlanChangeResult) -> SwapOfferBundleResult:
        await self._check_and_quote(block, change)
        if plan.extend_holds:
            await block.run(EXTEND_HOLDS, ExtendHoldsCommand(change=change, order=self._order))
        if plan.seats or plan.stock:
            seats = {"seats": plan.seats, "stock": plan.stock, "services": plan.services}
            await block.run(RESERVE_SEATS, ReserveSeatsCommand(change=change, order=self._order, **seats))
        swap = await block.run(SWAP_OFFER_BUNDLE, SwapOfferBundleCommand(change=change, order=self._order))
        self.amount_due = swap.balance
        if plan.confirm:
            await self._settle(block, change, swap.balance)
        return swap

    async def _check_and_quote(self, block: Saga, change: str) -> None:
        await block.run(VALIDATE_TRAVELLERS, ValidateTravellersCommand(change=change, order=self._order))
        quote = await block.run(QUOTE_CHANGE, QuoteChangeCommand(change=change, order=self._order))
        self.price_difference = quote.difference

    async def _authorise(self, block: Saga, change: str, amount: Money) -> datetime | None:
        command = AuthorisePaymentCommand(change=change, order=self._order, amount=amount)
        return (await block.run(AUTHORISE_PAYMENT, command)).expires_at

    async def _settle(self, block: Saga, change: str, amount_due: Money | None) -> None:
        await block.run(EXTEND_HOLDS, ExtendHoldsCommand(change=change, order=self._order))
        if amount_due and amount_due.minor > 0:
            await self._authorise(block, change, amount_due)
        await block.commit(SETTLE_PRICE_DIFFERENCE, SettlePriceDifferenceCommand(change=change, order=self._order))

    async def _complete(self, block: Saga, change: str) -> RequestResult:
        await block.finish(CONFIRM_SEATS, ConfirmSeatsCommand(change=change, order=self._order))
        order = await block.finish(CONFIRM_ORDER, ConfirmOrderCommand(change=change, order=self._order))
        self.status = order.status
        self._ever_confirmed = True
        self._reset()
        return RequestResult(change=change, state=ChangeState.DONE)

    async def _record(self, change: str, state: ChangeState, code: str | None = None) -> RequestResult:
        command = RecordOutcomeCommand(change=change, order=self._order, state=state, code=code)
        recorded = await self._runner.run_final(RECORD_OUTCOME, command)
        self.status = recorded.status
        return RequestResult(change=change, state=recorded.state, code=recorded.code)

    def _reset(self) -> None:
        self._saga, self._opened_by, self.expires_at, self._closing = Saga(self._runner), None, None, False
        self.amount_due = None


def _earlier_result(change: str, plan: PlanChangeResult) -> RequestResult:
    return RequestResult(change=change, state=plan.already_ended or ChangeState.REFUSED, code=plan.code)


def _undos(entries: Sequence[UndoEntry | RecordedStep]) -> list[Undo]:
    """Return the undos of these steps. Raises SagaError for an unknown step, which parks the workflow's task."""
    unknown = [entry.step for entry in entries if entry.step not in REVERSIBLE]
    if unknown:
        raise SagaError(f"this build knows no undo of {', '.join(unknown)}")
    steps = [(REVERSIBLE[entry.step], entry.command) for entry in entries]
    return [Undo(step, step.command_type.model_validate(command)) for step, command in steps]


def recorded_undos(rows: Sequence[RecordedStep]) -> list[Undo]:
    """Return the undos of recorded steps. A known step without an undo has no effect to undo and is skipped."""
    return _undos([row for row in rows if row.step in REVERSIBLE or row.step not in set(StepName)])
