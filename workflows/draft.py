"""One draft: the order in which a change, a confirmation, a payment and an end happen.

This file is meant to be read. What a step does stands beside its activity; what may be taken back,
in the saga.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

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
from activities.support.step_kinds import Reversible
from activities.travellers import VALIDATE_TRAVELLERS, ValidateTravellersCommand
from domain.changes import ChangeKind, ChangeState
from domain.money import Money
from domain.orders import OrderStatus
from temporal.messages import RequestResult, StartDraft, UndoEntry
from temporal.names import RECOVERY_REQUIRED, STEP_FAILED, StepName
from workflows.saga.error_codes import error_code, is_refusal
from workflows.saga.saga import Saga, SagaError, Undo
from workflows.saga.step_runner import StepRunner

REVERSIBLE: dict[str, Reversible[Any, Any]] = {
    step.name: step for step in (RESERVE_SEATS, SWAP_OFFER_BUNDLE, AUTHORISE_PAYMENT)
}


class Draft:
    """The open draft of one order, or the place where the next one will be opened."""

    def __init__(self, start: StartDraft, steps: StepRunner) -> None:
        self._order = start.order
        self._runner = steps
        self._saga = Saga(steps, _undos(start.undos))
        self._opened_by = start.draft_opened_by
        self._ever_confirmed = start.ever_confirmed
        self._first_request = not start.undos
        self._closing = False
        self.expires_at = start.expires_at
        self.status: OrderStatus | None = None
        self.price_difference: Money | None = None
        self.amount_due: Money | None = None
        """What is still to be paid for the draft, as far as this run knows; negative when the customer gets it."""
        self.correlation_id: str | None = None
        self.channel: str | None = None
        self.last_request_failed = False
        """Whether the last request broke and was undone, leaving nothing."""

    @property
    def open(self) -> bool:
        """Whether there is anything in the draft."""
        return bool(self._saga.undos)

    @property
    def due(self) -> bool:
        """Whether the draft's deadline has come, or it is taken back in part already."""
        passed = self.expires_at is not None and workflow.now() >= self.expires_at
        return self.open and (passed or self._closing)

    @property
    def undo_summaries(self) -> tuple[str, ...]:
        """What a discard would take back, in words."""
        return tuple(undo.command.summary() for undo in reversed(self._saga.undos))

    def as_start(self, start: StartDraft) -> StartDraft:
        """Return what the next run of this workflow must know to carry on."""
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
        """Change the draft; in one go also confirm it, and then it ends confirmed or never happened."""
        block = self._saga.nested()
        async with block:
            plan = await self._plan(block, change)
            if plan.already_ended:
                return _answered(change, plan)
            swap = None if plan.no_op else await self._into_draft(block, change, plan)
        if swap is None:
            return await self._record(change, ChangeState.DONE)
        if plan.confirm:
            return await self._complete(block, change)
        self._opened_by, self.expires_at = swap.draft_opened_by, swap.expires_at
        answer = await self._record(change, ChangeState.DONE)
        if swap.replaced_held_seats:
            await block.finish(RELEASE_REPLACED_SEATS, ReleaseReplacedSeatsCommand(change=change, order=self._order))
        return answer

    async def confirm(self, change: str, by_hand: OperatorRequest | None = None) -> RequestResult:
        """Confirm everything in the draft: the pivot commits it whole."""
        block = self._saga.nested()
        async with block:
            plan = await self._plan(block, change, by_hand)
            if plan.already_ended:
                return _answered(change, plan)
            if not plan.no_op:
                await self._settle(block, change, plan.amount_due)
        if plan.no_op:
            return await self._record(change, ChangeState.DONE)
        return await self._complete(block, change)

    async def pay(self, change: str) -> RequestResult:
        """Set money aside for the draft; only its confirmation takes it."""
        async with self._saga.nested() as block:
            plan = await self._plan(block, change)
            if plan.already_ended or plan.amount_due is None:
                return _answered(change, plan)
            aside = await self._authorise(block, change, plan.amount_due)
            self.expires_at = aside or self.expires_at
            self.amount_due = self.amount_due - plan.amount_due if self.amount_due else None
        return await self._record(change, ChangeState.DONE)

    async def extend(self, change: str, by_hand: OperatorRequest | None = None) -> RequestResult:
        """Move the draft's deadline, its seats first."""
        async with self._saga.nested() as block:
            plan = await self._plan(block, change, by_hand)
            if plan.already_ended:
                return _answered(change, plan)
            until = ExtendHoldsCommand(change=change, order=self._order, expires_at=plan.expires_at)
            self.expires_at = (await block.run(EXTEND_HOLDS, until)).expires_at
        return await self._record(change, ChangeState.DONE)

    async def discard(self, change: str, by_hand: OperatorRequest | None = None) -> RequestResult:
        """Take the whole draft back."""
        async with self._saga.nested() as block:
            plan = await self._plan(block, change, by_hand)
            if plan.already_ended:
                return _answered(change, plan)
        if not plan.no_op:
            await self.close(CloseReason.DISCARDED)
        return await self._record(change, ChangeState.DONE)

    async def close(self, how: CloseReason) -> None:
        """Take back what is in the draft and close it; nothing happens to one that is committed.

        An order never confirmed that expires keeps its lines: only seats and money are given back.
        """
        await self._reload()
        if not self.open or (how is CloseReason.EXPIRED and not self.due):
            return
        keep = (SWAP_OFFER_BUNDLE,) if how is CloseReason.EXPIRED and not self._ever_confirmed else ()
        saga, opener = self._saga, self._opened_by or ""
        await saga.unwind(keep)
        await saga.finish(CLOSE_DRAFT, CloseDraftCommand(change=opener, order=self._order, reason=how))
        self._reset()

    async def serve(self, change: str, act: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        """Run one request to its outcome: done, refused, or broken and undone."""
        answer = await self._answer(change, act)
        self._runner.progress.ended(answer.state, answer.code)
        return answer

    async def _answer(self, change: str, act: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        self.last_request_failed = False
        costs = self.price_difference, self.amount_due
        try:
            return await self._with_recovery(change, act)
        except FailureError as failure:
            self.price_difference, self.amount_due = costs
            if is_refusal(failure):
                return await self._record(change, ChangeState.REFUSED, error_code(failure))
            self.last_request_failed = True
            return await self._record(change, ChangeState.UNDONE, STEP_FAILED)

    async def recover(self) -> None:
        """Adopt the draft an earlier run left, and serve what it left half done or never took up."""
        await self._recover(FindUnfinishedWorkCommand(change="", order=self._order, include_unclaimed=True))

    async def _with_recovery(self, change: str, act: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        try:
            return await act()
        except FailureError as failure:
            if error_code(failure) != RECOVERY_REQUIRED:
                raise
        await self._recover(FindUnfinishedWorkCommand(change=change, order=self._order))
        return await act()

    async def _recover(self, command: FindUnfinishedWorkCommand) -> None:
        board = self._runner.progress
        under_way = board.current
        left = await self._runner.run_final(FIND_UNFINISHED_WORK, command)
        self.status, self.channel = left.status or self.status, left.channel or self.channel
        if self._first_request:
            # Otherwise a request that came before this look has adopted it.
            self._adopt(left.draft)
            self._ever_confirmed, self._first_request = left.ever_confirmed, False
        if self._closing:
            await self.close(CloseReason.DISCARDED)
        for each in left.requests:
            board.begin(each.change, each.kind)
            await self.serve(each.change, partial(self._handler_of(each.kind), each.change))
        for undo in recorded_undos(left.residual_steps):
            await self._runner.undo(undo.step, undo.command)
        board.resume(under_way)

    async def _reload(self) -> None:
        """See what the draft holds by the store: a task may be lost when all it did is written already."""
        left = await self._runner.run_final(
            FIND_UNFINISHED_WORK, FindUnfinishedWorkCommand(change="", order=self._order)
        )
        self._reset()
        self._adopt(left.draft)
        self._ever_confirmed = left.ever_confirmed

    def _handler_of(self, kind: ChangeKind) -> Callable[[str], Awaitable[RequestResult]]:
        serving: dict[ChangeKind, Callable[[str], Awaitable[RequestResult]]] = {
            ChangeKind.CHANGE: self.change,
            ChangeKind.CONFIRM: self.confirm,
            ChangeKind.PAY: self.pay,
            ChangeKind.EXTEND: self.extend,
        }
        return serving.get(kind, self.discard)

    def _adopt(self, draft: OpenDraft | None) -> None:
        if draft:
            self._saga.adopt(recorded_undos(draft.steps))
            self._opened_by, self.expires_at, self._closing = draft.draft_opened_by, draft.expires_at, draft.closing

    async def refuse(self, change: str, code: str) -> RequestResult:
        """Refuse a request that got no turn; nothing of the order is looked at."""
        return await self._record(change, ChangeState.REFUSED, code)

    async def _plan(self, block: Saga, change: str, by_hand: OperatorRequest | None = None) -> PlanChangeResult:
        command = PlanChangeCommand(
            change=change, order=self._order, operator_request=by_hand, first_in_run=self._first_request
        )
        plan = await block.run(PLAN_CHANGE, command)
        self._ever_confirmed = self._ever_confirmed or plan.ever_confirmed
        self.correlation_id = plan.correlation_id or self.correlation_id
        self.channel = plan.channel or self.channel
        self._runner.progress.set_summary(plan.summary)
        if self._first_request and not plan.already_ended:
            # An answer of before says nothing of the draft: the next request asks again.
            self._adopt(plan.open_draft)
            self._first_request = False
        return plan

    async def _into_draft(self, block: Saga, change: str, plan: PlanChangeResult) -> SwapOfferBundleResult:
        await block.run(VALIDATE_TRAVELLERS, ValidateTravellersCommand(change=change, order=self._order))
        quote = await block.run(QUOTE_CHANGE, QuoteChangeCommand(change=change, order=self._order))
        self.price_difference = quote.difference
        if plan.extend_holds:
            await block.run(EXTEND_HOLDS, ExtendHoldsCommand(change=change, order=self._order))
        if plan.seats:
            seats = {"seats": plan.seats, "services": plan.services}
            await block.run(RESERVE_SEATS, ReserveSeatsCommand(change=change, order=self._order, **seats))
        swap = await block.run(SWAP_OFFER_BUNDLE, SwapOfferBundleCommand(change=change, order=self._order))
        self.amount_due = swap.balance
        if plan.confirm:
            await self._settle(block, change, swap.balance)
        return swap

    async def _authorise(self, block: Saga, change: str, amount: Money) -> datetime | None:
        command = AuthorisePaymentCommand(change=change, order=self._order, amount=amount)
        return (await block.run(AUTHORISE_PAYMENT, command)).expires_at

    async def _settle(self, block: Saga, change: str, owed: Money | None) -> None:
        await block.run(EXTEND_HOLDS, ExtendHoldsCommand(change=change, order=self._order))
        if owed and owed.minor > 0:
            await self._authorise(block, change, owed)
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


def _answered(change: str, plan: PlanChangeResult) -> RequestResult:
    return RequestResult(change=change, state=plan.already_ended or ChangeState.REFUSED, code=plan.code)


def _undos(entries: Sequence[UndoEntry | RecordedStep]) -> list[Undo]:
    """Return what must be undone. Raises SagaError for a step without a known undo: that parks the workflow's task."""
    unknown = [entry.step for entry in entries if entry.step not in REVERSIBLE]
    if unknown:
        raise SagaError(f"this build knows no undo of {', '.join(unknown)}")
    steps = [(REVERSIBLE[entry.step], entry.command) for entry in entries]
    return [Undo(step, step.command_type.model_validate(command)) for step, command in steps]


def recorded_undos(rows: Sequence[RecordedStep]) -> list[Undo]:
    """Return what must be undone of recorded steps: a known step without an undo leaves nothing behind."""
    return _undos([row for row in rows if row.step in REVERSIBLE or row.step not in set(StepName)])
