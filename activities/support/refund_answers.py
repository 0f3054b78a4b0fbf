"""Records what a refund has become that a provider had accepted: it was paid, or it failed."""

from datetime import datetime

from sqlmodel import Session

from activities.support.move_answers import describe
from activities.support.move_records import record_refund_failed
from domain.moves import MoveState
from providers.protocols import Found, FoundState, RefundState
from store.orders.events import EventType, append_once
from store.tables import MoveRow, OrderRow

_ACCEPTED = (MoveState.PENDING, MoveState.DONE)


def record_refund_state(tx: Session, order: OrderRow, row: MoveRow, found: Found, now: datetime) -> None:
    """Record what an accepted refund has become, given what its provider finds under its key.

    One that counts as paid may still fail: the customer's bank sends it back. One that has failed stays so. What
    contradicts a pending refund is kept in the order's history.
    """
    unknown = found.state is FoundState.CANNOT_SAY or found.refund is RefundState.PENDING
    if row.state not in _ACCEPTED or unknown:
        return
    if found.state is not FoundState.REFUNDED:
        if row.state == MoveState.PENDING:
            both = {"step": row.step, "key": row.key, "answered": MoveState.PENDING, "found": describe(found)}
            append_once(tx, order, EventType.ANSWERS_DIFFER, row.change, now, both)
    elif found.refund is RefundState.FAILED:
        record_refund_failed(tx, order, row, now)
    else:
        row.state = MoveState.DONE
