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

from activities.drafts import CLOSE_DRAFT, CONFIRM_ORDER, CloseDraft, ConfirmOrder, HowClosed
from activities.order_lines import SWAP_OFFER_BUNDLE, SwapOfferBundle, Swapped
from activities.outcomes import RECORD_OUTCOME, RecordOutcome
from activities.payments import AUTHORISE_PAYMENT, SETTLE_PRICE_DIFFERENCE, AuthorisePayment, SettlePriceDifference
from activities.plans import PLAN_CHANGE, ByHand, PlanChange, Planned
from activities.quotes import QUOTE_CHANGE, QuoteChange
from activities.recovery import LOOK_BACK, LeftDraft, LeftStep, LookBack
from activities.seats import (
    CONFIRM_SEATS,
    EXTEND_HOLDS,
    GIVE_BACK_SEATS,
    RESERVE_SEATS,
    ConfirmSeats,
    ExtendHolds,
    GiveBackSeats,
    ReserveSeats,
)
from activities.support.step_kinds import Reversible
from activities.travellers import VALIDATE_TRAVELLERS, ValidateTravellers
from domain.changes import ChangeKind, ChangeState
from domain.money import Money
from domain.orders import OrderStatus
from temporal.messages import Answer, StartDraft, UndoEntry
from temporal.names import RECOVERY_REQUIRED, REMEMBER_FIRST, STEP_FAILED, StepName
from workflows.saga.error_codes import code_of, refused
from workflows.saga.saga import Saga, SagaError, Undo
from workflows.saga.step_runner import Steps

REVERSIBLE: dict[str, Reversible[Any, Any]] = {
    step.name: step for step in (RESERVE_SEATS, SWAP_OFFER_BUNDLE, AUTHORISE_PAYMENT)
}


class Draft:
    """The open draft of one order, or the place where the next one will be opened."""

    def __init__(self, start: StartDraft, steps: Steps) -> None:
        self._order = start.order
        self._steps = steps
        self._saga = Saga(steps, _undos(start.undos))
        self._opened_by = start.opened_by
        self._ever_confirmed = start.ever_confirmed
        self._fresh = not start.undos
        self._closing = False
        self.expires_at = start.expires_at
        self.status: OrderStatus | None = None
        self.price_difference: Money | None = None
        self.owed: Money | None = None
        """What is still to be paid for the draft, as far as this run knows; negative when the customer gets it."""
        self.correlation_id: str | None = None
        self.channel: str | None = None
        self.broke = False
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
    def undos(self) -> tuple[str, ...]:
        """What a discard would take back, in words."""
        return tuple(undo.command.summary() for undo in reversed(self._saga.undos))

    def as_start(self, start: StartDraft) -> StartDraft:
        """Return what the next run of this workflow must know to carry on."""
        entries = [UndoEntry(step=undo.step.name, command=undo.command.model_dump()) for undo in self._saga.undos]
        return start.model_copy(
            update={
                "undos": tuple(entries),
                "expires_at": self.expires_at,
                "opened_by": self._opened_by,
                "ever_confirmed": self._ever_confirmed,
                "recover": False,
            }
        )

    async def change(self, change: str) -> Answer:
        """Change the draft; in one go also confirm it, and then it ends confirmed or never happened."""
        block = self._saga.nested()
        async with block:
            plan = await self._plan(block, change)
            if plan.answered:
                return _answered(change, plan)
            swap = None if plan.nothing else await self._into_draft(block, change, plan)
        if swap is None:
            return await self._record(change, ChangeState.DONE)
        if plan.confirm:
            return await self._complete(block, change)
        self._opened_by, self.expires_at = swap.draft_opened_by, swap.expires_at
        answer = await self._record(change, ChangeState.DONE)
        if swap.superseded:
            await block.finish(GIVE_BACK_SEATS, GiveBackSeats(change=change, order=self._order))
        return answer

    async def confirm(self, change: str, by_hand: ByHand | None = None) -> Answer:
        """Confirm everything in the draft: the pivot commits it whole."""
        block = self._saga.nested()
        async with block:
            plan = await self._plan(block, change, by_hand)
            if plan.answered:
                return _answered(change, plan)
            if not plan.nothing:
                await self._settle(block, change, plan.owed)
        if plan.nothing:
            return await self._record(change, ChangeState.DONE)
        return await self._complete(block, change)

    async def pay(self, change: str) -> Answer:
        """Set money aside for the draft; only its confirmation takes it."""
        async with self._saga.nested() as block:
            plan = await self._plan(block, change)
            if plan.answered or plan.owed is None:
                return _answered(change, plan)
            aside = await self._authorise(block, change, plan.owed)
            self.expires_at = aside or self.expires_at
            self.owed = self.owed - plan.owed if self.owed else None
        return await self._record(change, ChangeState.DONE)

    async def extend(self, change: str, by_hand: ByHand | None = None) -> Answer:
        """Move the draft's deadline, its seats first."""
        async with self._saga.nested() as block:
            plan = await self._plan(block, change, by_hand)
            if plan.answered:
                return _answered(change, plan)
            until = ExtendHolds(change=change, order=self._order, expires_at=plan.expires_at)
            self.expires_at = (await block.run(EXTEND_HOLDS, until)).expires_at
        return await self._record(change, ChangeState.DONE)

    async def discard(self, change: str, by_hand: ByHand | None = None) -> Answer:
        """Take the whole draft back."""
        async with self._saga.nested() as block:
            plan = await self._plan(block, change, by_hand)
            if plan.answered:
                return _answered(change, plan)
        if not plan.nothing:
            await self.close(HowClosed.DISCARDED)
        return await self._record(change, ChangeState.DONE)

    async def close(self, how: HowClosed) -> None:
        """Take back what is in the draft and close it; nothing happens to one that is committed.

        An order never confirmed that expires keeps its lines: only seats and money are given back.
        """
        if workflow.patched(REMEMBER_FIRST):
            await self._remember()
        if not self.open or (how is HowClosed.EXPIRED and not self.due):
            return
        keep = (SWAP_OFFER_BUNDLE,) if how is HowClosed.EXPIRED and not self._ever_confirmed else ()
        saga, opener = self._saga, self._opened_by or ""
        await saga.unwind(keep)
        await saga.finish(CLOSE_DRAFT, CloseDraft(change=opener, order=self._order, how=how))
        self._begin_anew()

    async def served(self, change: str, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """Run one request to its outcome: done, refused, or broken and undone."""
        answer = await self._answer(change, act)
        self._steps.board.ended(answer.state, answer.code)
        return answer

    async def _answer(self, change: str, act: Callable[[], Awaitable[Answer]]) -> Answer:
        self.broke = False
        costs = self.price_difference, self.owed
        try:
            return await self._after_what_was_left(change, act)
        except FailureError as failure:
            self.price_difference, self.owed = costs
            if refused(failure):
                return await self._record(change, ChangeState.REFUSED, code_of(failure))
            self.broke = True
            return await self._record(change, ChangeState.UNDONE, STEP_FAILED)

    async def recover(self) -> None:
        """Adopt the draft an earlier run left, and serve what it left half done or never took up."""
        await self._recover(LookBack(change="", order=self._order, waiting=True))

    async def _after_what_was_left(self, change: str, act: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await act()
        except FailureError as failure:
            if code_of(failure) != RECOVERY_REQUIRED:
                raise
        await self._recover(LookBack(change=change, order=self._order))
        return await act()

    async def _recover(self, command: LookBack) -> None:
        board = self._steps.board
        under_way = board.now
        left = await self._steps.finish(LOOK_BACK, command)
        self.status, self.channel = left.status or self.status, left.channel or self.channel
        if self._fresh:
            # Otherwise a request that came before this look has adopted it.
            self._adopt(left.draft)
            self._ever_confirmed, self._fresh = left.ever_confirmed, False
        if self._closing:
            await self.close(HowClosed.DISCARDED)
        for each in left.requests:
            board.clear(each.change, each.kind)
            await self.served(each.change, partial(self._serving(each.kind), each.change))
        for undo in recorded_undos(left.forgotten):
            await self._steps.undo(undo.step, undo.command)
        board.back_to(under_way)

    async def _remember(self) -> None:
        """See what the draft holds by the store: a task may be lost when all it did is written already."""
        left = await self._steps.finish(LOOK_BACK, LookBack(change="", order=self._order))
        self._begin_anew()
        self._adopt(left.draft)
        self._ever_confirmed = left.ever_confirmed

    def _serving(self, kind: ChangeKind) -> Callable[[str], Awaitable[Answer]]:
        serving: dict[ChangeKind, Callable[[str], Awaitable[Answer]]] = {
            ChangeKind.CHANGE: self.change,
            ChangeKind.CONFIRM: self.confirm,
            ChangeKind.PAY: self.pay,
            ChangeKind.EXTEND: self.extend,
        }
        return serving.get(kind, self.discard)

    def _adopt(self, draft: LeftDraft | None) -> None:
        if draft:
            self._saga.adopt(recorded_undos(draft.steps))
            self._opened_by, self.expires_at, self._closing = draft.opened_by, draft.expires_at, draft.closing

    async def refuse(self, change: str, code: str) -> Answer:
        """Refuse a request that got no turn; nothing of the order is looked at."""
        return await self._record(change, ChangeState.REFUSED, code)

    async def _plan(self, block: Saga, change: str, by_hand: ByHand | None = None) -> Planned:
        command = PlanChange(change=change, order=self._order, asked_by_hand=by_hand, adopt=self._fresh)
        plan = await block.run(PLAN_CHANGE, command)
        self._ever_confirmed = self._ever_confirmed or plan.ever_confirmed
        self.correlation_id = plan.correlation_id or self.correlation_id
        self.channel = plan.channel or self.channel
        self._steps.board.asks(plan.asked)
        if self._fresh and not plan.answered:
            # An answer of before says nothing of the draft: the next request asks again.
            self._adopt(plan.left)
            self._fresh = False
        return plan

    async def _into_draft(self, block: Saga, change: str, plan: Planned) -> Swapped:
        await block.run(VALIDATE_TRAVELLERS, ValidateTravellers(change=change, order=self._order))
        quote = await block.run(QUOTE_CHANGE, QuoteChange(change=change, order=self._order))
        self.price_difference = quote.difference
        if plan.extend:
            await block.run(EXTEND_HOLDS, ExtendHolds(change=change, order=self._order))
        if plan.seats:
            seats = {"seats": plan.seats, "services": plan.services}
            await block.run(RESERVE_SEATS, ReserveSeats(change=change, order=self._order, **seats))
        swap = await block.run(SWAP_OFFER_BUNDLE, SwapOfferBundle(change=change, order=self._order))
        self.owed = swap.balance
        if plan.confirm:
            await self._settle(block, change, swap.balance)
        return swap

    async def _authorise(self, block: Saga, change: str, amount: Money) -> datetime | None:
        command = AuthorisePayment(change=change, order=self._order, amount=amount)
        return (await block.run(AUTHORISE_PAYMENT, command)).expires_at

    async def _settle(self, block: Saga, change: str, owed: Money | None) -> None:
        await block.run(EXTEND_HOLDS, ExtendHolds(change=change, order=self._order))
        if owed and owed.minor > 0:
            await self._authorise(block, change, owed)
        await block.commit(SETTLE_PRICE_DIFFERENCE, SettlePriceDifference(change=change, order=self._order))

    async def _complete(self, block: Saga, change: str) -> Answer:
        await block.finish(CONFIRM_SEATS, ConfirmSeats(change=change, order=self._order))
        order = await block.finish(CONFIRM_ORDER, ConfirmOrder(change=change, order=self._order))
        self.status = order.status
        self._ever_confirmed = True
        self._begin_anew()
        return Answer(change=change, state=ChangeState.DONE)

    async def _record(self, change: str, state: ChangeState, code: str | None = None) -> Answer:
        command = RecordOutcome(change=change, order=self._order, state=state, code=code)
        recorded = await self._steps.finish(RECORD_OUTCOME, command)
        self.status = recorded.status
        return Answer(change=change, state=recorded.state, code=recorded.code)

    def _begin_anew(self) -> None:
        self._saga, self._opened_by, self.expires_at, self._closing = Saga(self._steps), None, None, False
        self.owed = None


def _answered(change: str, plan: Planned) -> Answer:
    return Answer(change=change, state=plan.answered or ChangeState.REFUSED, code=plan.code)


def _undos(entries: Sequence[UndoEntry | LeftStep]) -> list[Undo]:
    """Return what must be undone. Raises SagaError for a step without a known undo: that parks the workflow's task."""
    unknown = [entry.step for entry in entries if entry.step not in REVERSIBLE]
    if unknown:
        raise SagaError(f"this build knows no undo of {', '.join(unknown)}")
    steps = [(REVERSIBLE[entry.step], entry.command) for entry in entries]
    return [Undo(step, step.command_type.model_validate(command)) for step, command in steps]


def recorded_undos(rows: Sequence[LeftStep]) -> list[Undo]:
    """Return what must be undone of recorded steps: a known step without an undo leaves nothing behind."""
    return _undos([row for row in rows if row.step in REVERSIBLE or row.step not in set(StepName)])
