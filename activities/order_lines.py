"""Puts a planned change on the order, and takes it off again."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.support.deadlines import Deadlines
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Command, Nothing, Reversible
from domain.money import Money
from domain.orders import OrderStatus
from store.changes import changes
from store.orders import apply_change, reservations
from store.orders.events import Data, EventType, append
from store.tables import OrderRow
from temporal.names import StepName, System, step_key


class SwapOfferBundleCommand(Command):
    """Put the planned lines on the order and take off those they replace."""

    step: ClassVar[str] = StepName.SWAP_OFFER_BUNDLE

    def summary(self) -> str:
        """Say what is done."""
        return "put the new lines on the draft"


class PreviousOrder(BaseModel):
    """The order's head before a swap, to be put back by its undo."""

    status: OrderStatus
    version: int
    expires_at: datetime | None
    expires_fixed: bool
    draft_opened_by: str | None


class SwapOfferBundleResult(BaseModel):
    """Where a swap left the order."""

    version: int
    balance: Money
    expires_at: datetime
    draft_opened_by: str
    replaced_held_seats: int = 0
    """How many seats held for draft lines this change replaced."""
    previous: PreviousOrder | None = None
    """For the undo, which finds it with the step's first answer; the workflow has no use for it."""


class OrderLineActivities:
    """Changes what is on an order."""

    def __init__(self, once: StepExecutor, deadlines: Deadlines) -> None:
        self._once = once
        self._deadlines = deadlines

    @activity.defn(name=StepName.SWAP_OFFER_BUNDLE, no_thread_cancel_exception=True)
    def swap_offer_bundle(self, command: SwapOfferBundleCommand) -> SwapOfferBundleResult:
        """Put a planned and quoted change on the draft; the first one opens it, version + 1."""
        swapped = self._once.run_local(command, SwapOfferBundleResult, lambda tx, order: self._swap(tx, order, command))
        return swapped.model_copy(update={"previous": None})

    def _swap(self, tx: Session, order: OrderRow, command: SwapOfferBundleCommand) -> SwapOfferBundleResult:
        now = self._once.store.now()
        row = changes.existing(tx, command.change)
        plan, quote = changes.plan_of(row), changes.quote_of(row)
        if quote is None:
            raise LookupError("a change is quoted before it is put on the order")
        before = PreviousOrder.model_validate(order.model_dump(include=set(PreviousOrder.model_fields)))
        if order.draft_opened_by is None:
            order.draft_opened_by, order.expires_fixed = command.change, False
            # Somebody had asked for it before its first change was refused: now there is an order after all.
            order.abandoned = False
        order.status, order.version = OrderStatus.DRAFT, plan.version
        held = (
            [seat.id for seat in reservations.under_key(tx, step_key(command.change, StepName.RESERVE_SEATS))]
            if plan.seats
            else []
        )
        apply_change.apply_change(tx, order, command.change, plan, quote, held)
        order.expires_at = self._deadlines.ends_with_offers(tx, order, now)
        added, removed = [line.id for line in plan.adds], list(plan.removes)
        data: Data = {"version": plan.version, "balance": str(quote.balance), "added": added, "removed": removed}
        append(tx, order, EventType.ORDER_CHANGED, command.change, now, data)
        changes.record_findings(tx, row.id, draft_opened_by=order.draft_opened_by)
        return SwapOfferBundleResult(
            version=plan.version,
            balance=quote.balance,
            expires_at=order.expires_at,
            draft_opened_by=order.draft_opened_by,
            # Confirmed in one go, they are given back by the confirmation.
            replaced_held_seats=0 if plan.confirm else len(reservations.superseded(tx, order.number, command.change)),
            previous=before,
        )

    @activity.defn(name=StepName.RESTORE_OFFER_BUNDLE, no_thread_cancel_exception=True)
    def restore_offer_bundle(self, command: SwapOfferBundleCommand) -> Nothing:
        """Undo a swap: what it added is marked undone, what it removed is live again."""

        def reverse(tx: Session, order: OrderRow, answer: str) -> None:
            before = SwapOfferBundleResult.model_validate_json(answer).previous
            if before is None:
                raise LookupError("a swap remembers what was before it")
            apply_change.revert_change(tx, order.number, command.change)
            for name, value in before:
                setattr(order, name, value)
            append(tx, order, EventType.CHANGE_UNDONE, command.change, self._once.store.now(), {})

        return self._once.undo(command, reverse)


SWAP_OFFER_BUNDLE = Reversible(
    SwapOfferBundleCommand,
    OrderLineActivities.swap_offer_bundle,
    undo=OrderLineActivities.restore_offer_bundle,
    undo_name=StepName.RESTORE_OFFER_BUNDLE,
    system=System.STORE,
)
