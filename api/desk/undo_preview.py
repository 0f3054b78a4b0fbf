"""Describes what discarding a draft now would undo."""

from activities.support.registry import reversible
from domain.orders import Order
from store.changes import unfinished
from store.database.tenant_session import TenantSession


def undo_list(tx: TenantSession, order: Order) -> list[str]:
    """Return one sentence for each effect that a discard would undo, in the order of undoing; empty without a draft."""
    if order.draft_opened_by is None:
        return []
    steps = unfinished.of_draft(tx, order.number, order.draft_opened_by)
    return [
        text
        for record in reversed(steps)
        if (step := reversible().get(record.step)) is not None
        for text in step.describe_undo(tx, order, record)
    ]
