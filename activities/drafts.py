"""Ends a draft: its version becomes the confirmed one, or the draft is closed without a confirmation."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.outcomes import end_change
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Final, Nothing
from domain.changes import ChangeState
from domain.orders import OrderStatus
from store.changes import changes
from store.database.store import after_commit
from store.orders.confirmed_draft import confirmed_draft
from store.orders.events import Data, EventType, append
from store.orders.totals import order_total
from store.tables import ChangeRow, OrderRow
from telemetry.metrics import UNWOUND
from temporal.names import StepName, System


class ConfirmOrderCommand(Command):
    """Make the draft the confirmed version."""

    step: ClassVar[str] = StepName.CONFIRM_ORDER

    def summary(self) -> str:
        """Describe the step."""
        return "make the draft the confirmed version"


class ConfirmOrderResult(BaseModel):
    """The order's new status: confirmed, or cancelled when it has no lines."""

    status: OrderStatus


class CloseReason(StrEnum):
    """Why a draft ended without a confirmation."""

    DISCARDED = "discarded"
    EXPIRED = "expired"
    RESTORED = "restored"
    """A change went back to what was confirmed."""


# The counters exist before the first draft is closed, so that a rate includes the first one.
for _reason in CloseReason:
    UNWOUND.labels(_reason.name)


class CloseDraftCommand(Command):
    """Close a draft whose changes were undone. Its key is that of the change that opened the draft."""

    step: ClassVar[str] = StepName.CLOSE_DRAFT
    reason: CloseReason

    def summary(self) -> str:
        """Describe the step, with its reason."""
        return f"close the draft: {self.reason}"


@final
class ConfirmOrder(Final[ConfirmOrderCommand, ConfirmOrderResult]):
    """Makes the draft's version the confirmed one and writes the change's outcome with it.

    An order without lines is cancelled by its confirmation.
    """

    system = System.STORE

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: ConfirmOrderCommand, response: Any
    ) -> ConfirmOrderResult:
        """Confirm the order and end the change."""
        now = context.store.now()
        confirmed = confirmed_draft(tx, order, command.change)
        total = order_total(tx, order)
        order.status = OrderStatus.CONFIRMED if total.lines else OrderStatus.CANCELLED
        order.confirmed_version, order.last_confirmed_at = order.version, now
        _end_draft(order)
        data: Data = {"version": order.version, "status": str(order.status)}
        append(tx, order, EventType.ORDER_CONFIRMED, command.change, now, data)
        row = changes.existing(tx, command.change)
        end_change(tx, order, row, ChangeState.DONE, None, now, confirmed, total.total)
        return ConfirmOrderResult(status=OrderStatus(order.status))


@final
class CloseDraft(Final[CloseDraftCommand, Nothing]):
    """Closes a draft. An order that was never confirmed keeps its lines when it expires, and becomes expired."""

    system = System.STORE

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: CloseDraftCommand, response: Any
    ) -> Nothing:
        """Close the draft."""
        reason = CloseReason.RESTORED if _goes_back(tx, order, command.reason) else command.reason
        if reason is CloseReason.EXPIRED and not order.confirmed_version:
            order.status = OrderStatus.EXPIRED
        _end_draft(order)
        append(tx, order, _EVENTS[reason], None, context.store.now(), {"version": order.version})
        after_commit(tx, UNWOUND.labels(reason.name).inc)
        return Nothing()


def close_reversed_draft(tx: Session, order: OrderRow, reversed_change: ChangeRow, now: datetime) -> None:
    """Close the draft that a reversed change would have confirmed. A change in one go that opened it had none."""
    _end_draft(order)
    if reversed_change.draft_opened_by != reversed_change.id:
        # A client that repeats its confirmation finds that the draft has ended, not that the order is confirmed.
        append(tx, order, EventType.DRAFT_DISCARDED, None, now, {"version": order.version})


_EVENTS = {
    CloseReason.DISCARDED: EventType.DRAFT_DISCARDED,
    CloseReason.EXPIRED: EventType.DRAFT_EXPIRED,
    CloseReason.RESTORED: EventType.DRAFT_RESTORED,
}


def _goes_back(tx: Session, order: OrderRow, reason: CloseReason) -> bool:
    """Whether a discard is that of an interrupted change which goes back to what was confirmed.

    A later run finds the draft partially undone and closes it before it serves the change again.
    """
    if reason is not CloseReason.DISCARDED:
        return False
    rows = changes.claimed_without_outcome(tx, order.number, excluding="")
    return any(row.plan is not None and changes.plan_of(row).ends_draft for row in rows)


def _end_draft(order: OrderRow) -> None:
    order.draft_opened_by = order.expires_at = order.expires_asked = order.deadline_limit = None


CONFIRM_ORDER = ConfirmOrder()
CLOSE_DRAFT = CloseDraft()
