"""What discarding a draft now would undo, in words."""

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
    """Return what discarding the draft now would undo, first undone first; nothing without a draft."""
    if order.draft_opened_by is None:
        return []
    steps = unfinished.of_draft(tx, order.number, order.draft_opened_by)
    return [text for each in reversed(steps) if each.step in REVERSIBLE for text in _undone(tx, order, each)]


def _undone(tx: TenantSession, order: Order, effect: StepRecordRow) -> Iterator[str]:
    match effect.step:
        case StepName.RESERVE_SEATS:
            seats = [f"{each.coach}-{each.seat:02} on {each.service}" for each in under_key(tx, effect.key)]
            if seats:
                yield f"{labels.count(len(seats), 'seat')} given back: {', '.join(seats)}"
        case StepName.AUTHORISE_PAYMENT:
            for payment in order.payments:
                if payment.key == effect.key and payment.open:
                    yield f"{payment.authorised.display} let go"
        case _:
            yield from _lines(order, effect.change)


def _lines(order: Order, change: str) -> Iterator[str]:
    off = [line.id for line in order.lines if line.added_by == change]
    back = [line.id for line in order.lines if line.removed_by == change]
    for lines, what in ((off, "taken off"), (back, "restored")):
        if lines:
            yield f"{labels.count(len(lines), 'line')} {what}: {', '.join(lines)}"
