"""Puts a planned change on the order, and undoes that."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, final

from pydantic import BaseModel, Field
from sqlmodel import Session

from activities.support.deadlines import set_limit
from activities.support.draft_end import set_draft_end
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Reversible
from domain.money import Money
from domain.orders import Order, OrderStatus
from domain.wording import counted
from store.changes import changes
from store.orders import apply_change, reservations
from store.orders.events import Data, EventType, append
from store.tables import OrderRow, StepRecordRow
from temporal.names import StepName, System, step_key


class SwapOfferBundleCommand(Command):
    """Put the planned lines on the order, and remove those that they replace."""

    step: ClassVar[str] = StepName.SWAP_OFFER_BUNDLE

    def summary(self) -> str:
        """Describe the step."""
        return "put the new lines on the draft"


class PreviousOrder(BaseModel):
    """The order row before a swap, which the undo restores."""

    status: OrderStatus
    version: int
    expires_at: datetime | None
    expires_asked: datetime | None
    deadline_limit: str | None
    draft_opened_by: str | None


class SwapOfferBundleResult(BaseModel):
    """The order after a swap."""

    version: int
    balance: Money
    expires_at: datetime
    draft_opened_by: str
    replaced_held_seats: int = 0
    """How many held seats and units belong to draft lines that this change replaced."""
    previous: PreviousOrder | None = None
    """For the undo, which reads it from the recorded result; the workflow does not get it."""
    restored: dict[str, str] = Field(default={})
    """For the undo: the lines that are live again, each with the change that had removed it."""


@final
class SwapOfferBundle(Reversible[SwapOfferBundleCommand, SwapOfferBundleResult]):
    """Puts a planned and quoted change on the draft. The first change opens the draft and increases the version."""

    system = System.STORE
    undo_name = StepName.RESTORE_OFFER_BUNDLE

    def answer(self, result: SwapOfferBundleResult) -> SwapOfferBundleResult:
        """Leave out what only the undo needs."""
        return result.model_copy(update={"previous": None, "restored": {}})

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: SwapOfferBundleCommand, response: Any
    ) -> SwapOfferBundleResult:
        """Add and remove the lines, and open the draft or move its deadline."""
        now = context.store.now()
        row = changes.existing(tx, command.change)
        plan, quote = changes.plan_of(row), changes.quote_of(row)
        if quote is None:
            raise LookupError("a change is quoted before it is put on the order")
        before = PreviousOrder.model_validate(order.model_dump(include=set(PreviousOrder.model_fields)))
        if order.draft_opened_by is None:
            order.draft_opened_by, order.expires_asked = command.change, None
            # The order was marked abandoned because its first change was refused; with this change it exists again.
            order.abandoned = False
        order.status, order.version = OrderStatus.DRAFT, plan.version
        held = (
            [seat.id for seat in reservations.under_key(tx, step_key(command.change, StepName.RESERVE_SEATS))]
            if plan.seats or plan.stock
            else []
        )
        restored = apply_change.apply_change(tx, order, command.change, plan, quote, held)
        set_limit(order, quote.limit)
        set_draft_end(context, tx, order, command.change)
        added, removed = [line.id for line in plan.adds], list(plan.removes)
        data: Data = {"version": plan.version, "balance": str(quote.balance), "added": added, "removed": removed}
        append(tx, order, EventType.ORDER_CHANGED, command.change, now, data)
        changes.record_findings(tx, row.id, draft_opened_by=order.draft_opened_by)
        return SwapOfferBundleResult(
            version=plan.version,
            balance=quote.balance,
            expires_at=order.expires_at,
            draft_opened_by=order.draft_opened_by,
            # In a change in one go, the confirmation releases them.
            replaced_held_seats=0
            if plan.confirm
            else len(reservations.replaced_holds(tx, order.number, command.change)),
            previous=before,
            restored=restored,
        )

    def revert(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: SwapOfferBundleCommand,
        result: SwapOfferBundleResult,
    ) -> None:
        """Mark the added lines as undone, make the removed ones live again, and restore the order's row."""
        before = result.previous
        if before is None:
            raise LookupError("the recorded result of a swap holds the previous order")
        apply_change.revert_change(tx, order, command.change, result.restored, result.version)
        for name, value in before:
            setattr(order, name, value)
        append(tx, order, EventType.CHANGE_UNDONE, command.change, context.store.now(), {})

    def describe_undo(self, tx: Session, order: Order, record: StepRecordRow) -> Iterator[str]:
        """Yield the lines that are removed and those that are restored."""
        added = [line.id for line in order.lines if line.added_by == record.change]
        removed = [line.id for line in order.lines if line.removed_by == record.change]
        for lines, verb in ((added, "removed"), (removed, "restored")):
            if lines:
                yield f"{counted(len(lines), 'line')} {verb}: {', '.join(lines)}"


SWAP_OFFER_BUNDLE = SwapOfferBundle()
