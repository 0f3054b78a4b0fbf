"""Describes what discarding a draft now would undo."""

from collections.abc import Iterator

from api.desk import labels
from domain.orders import Order
from store.changes import unfinished
from store.changes.step_records import REVERSIBLE
from store.database.tenant_session import TenantSession
from store.orders.reservations import under_key
from store.tables import StepRecordRow
from temporal.names import StepName


def undo_list(tx: TenantSession, order: Order) -> list[str]:
    """Return one sentence for each effect that a discard would undo, in the order of undoing; empty without a draft."""
    if order.draft_opened_by is None:
        return []
    steps = unfinished.of_draft(tx, order.number, order.draft_opened_by)
    return [text for each in reversed(steps) if each.step in REVERSIBLE for text in _describe_undo(tx, order, each)]


def _describe_undo(tx: TenantSession, order: Order, record: StepRecordRow) -> Iterator[str]:
    match record.step:
        case StepName.RESERVE_SEATS:
            held = under_key(tx, record.key)
            seats = [f"{each.coach}-{each.seat:02} on {each.place}" for each in held if each.item is None]
            units = [f"{each.item} on {each.place}" for each in held if each.item is not None]
            for things, noun in ((seats, "seat"), (units, "unit")):
                if things:
                    yield f"{labels.count(len(things), noun)} released: {', '.join(things)}"
        case StepName.AUTHORISE_PAYMENT:
            for payment in order.payments:
                if payment.key == record.key and payment.open:
                    yield f"{payment.authorised.display} voided"
        case _:
            yield from _describe_lines(order, record.change)


def _describe_lines(order: Order, change: str) -> Iterator[str]:
    added = [line.id for line in order.lines if line.added_by == change]
    removed = [line.id for line in order.lines if line.removed_by == change]
    for lines, verb in ((added, "removed"), (removed, "restored")):
        if lines:
            yield f"{labels.count(len(lines), 'line')} {verb}: {', '.join(lines)}"
