"""An order's events: one gapless sequence, each written in the transaction of the change it records."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlmodel import Session, col, func, select

from store.database.inserts import insert_all
from store.database.store import before_commit
from store.tables import EventRow, OrderRow
from store.webhooks import outbox

_PENDING = "events to insert"
Data = Mapping[str, str | int | Sequence[str]]


class EventType(StrEnum):
    """The types of events on an order."""

    ORDER_CREATED = "order_created"
    ORDER_CHANGED = "order_changed"
    CHANGE_UNDONE = "change_undone"
    PAYMENT_AUTHORISED = "payment_authorised"
    PAYMENT_VOIDED = "payment_voided"
    AUTHORISATION_LOST = "authorisation_lost"
    """An authorisation has ended by itself, so that its amount is owed again."""
    PAYMENT_CAPTURED = "payment_captured"
    PAYMENT_REFUNDED = "payment_refunded"
    REFUND_DECLINED = "refund_declined"
    REFUND_FAILED = "refund_failed"
    """A refund that was pending was not paid."""
    REFUND_OWED = "refund_owed"
    REFUND_PAID_BY_HAND = "refund_paid_by_hand"
    DISPUTE_OPENED = "dispute_opened"
    """The cardholder disputes a captured payment at the bank."""
    DISPUTE_CLOSED = "dispute_closed"
    """A dispute was won or lost, or an operator has closed its case."""
    SEATS_CONFIRMED = "seats_confirmed"
    SEATS_REASSIGNED = "seats_reassigned"
    """Other seats were held for a change that is stuck after its settlement."""
    ORDER_CONFIRMED = "order_confirmed"
    CHANGE_REVERSED = "change_reversed"
    DRAFT_EXTENDED = "draft_extended"
    DEADLINE_SHORTENED = "deadline_shortened"
    """A provider shortens the time of the draft."""
    DRAFT_DISCARDED = "draft_discarded"
    DRAFT_EXPIRED = "draft_expired"
    DRAFT_RESTORED = "draft_restored"
    """The draft ended because the order is as it was confirmed."""
    ANSWERS_DIFFER = "answers_differ"
    """A provider refuses what it may have done before; the event has both answers."""
    NEEDS_ATTENTION = "needs_attention"
    OPERATOR_REQUEST = "operator_request"
    RETRY_REQUESTED = "retry_requested"
    DONE_BY_HAND_STATED = "done_by_hand_stated"
    DONE_BY_HAND = "done_by_hand"
    ORDER_ERASED = "order_erased"


def append(tx: Session, order: OrderRow, kind: EventType, change: str | None, now: datetime, data: Data) -> None:
    """Append an event to a locked order and enqueue it for webhooks. Its data has our ids, codes and amounts only."""
    order.last_event += 1
    event = {
        "tenant": order.tenant,
        "order_number": order.number,
        "number": order.last_event,
        "type": kind,
        "change": change,
        "at": now,
        "data": _dump(data),
    }
    tx.info.setdefault(_PENDING, []).append(event)
    before_commit(tx, _PENDING, partial(_insert_pending, tx))


def _insert_pending(tx: Session) -> None:
    """Insert the events of a transaction by one statement, in its order."""
    events: list[dict[str, Any]] = tx.info.pop(_PENDING, [])
    insert_all(tx, EventRow, events)
    for each in events:
        outbox.enqueue(tx, each["tenant"], each["order_number"], each["number"], each["type"], each["at"])


_ENDS_OF_DRAFT = (
    EventType.ORDER_CONFIRMED,
    EventType.DRAFT_DISCARDED,
    EventType.DRAFT_EXPIRED,
    EventType.DRAFT_RESTORED,
)


def last_draft_end(tx: Session, order: str) -> EventRow | None:
    """Return the event that ended an order's last draft; None when it never had one that ended."""
    _insert_pending(tx)
    ended = (EventRow.order_number == order, col(EventRow.type).in_(_ENDS_OF_DRAFT))
    return tx.exec(select(EventRow).where(*ended).order_by(col(EventRow.number).desc()).limit(1)).first()


def append_once(tx: Session, order: OrderRow, kind: EventType, change: str, now: datetime, data: Data) -> None:
    """Append an event unless the same one, data included, exists: for events that no step key makes unique."""
    _insert_pending(tx)
    same = (EventRow.order_number == order.number, EventRow.change == change, EventRow.type == kind)
    recorded = tx.exec(select(EventRow.data).where(*same)).all()
    if _dump(data) not in recorded:
        append(tx, order, kind, change, now, data)


def data_of_change(tx: Session, order: str, change: str, kind: EventType) -> list[dict[str, Any]]:
    """Return the data of a change's events of one type, oldest first."""
    _insert_pending(tx)
    of_change = (EventRow.order_number == order, EventRow.change == change, EventRow.type == kind)
    return [data_of(row) for row in tx.exec(select(EventRow).where(*of_change).order_by(col(EventRow.number)))]


def _dump(data: Data) -> str:
    return json.dumps(data, separators=(",", ":"))


def data_of(row: EventRow) -> dict[str, Any]:
    """Return an event's data."""
    data: dict[str, Any] = json.loads(row.data)
    return data


def history(tx: Session, order: str, after: int, limit: int) -> list[EventRow]:
    """Return an order's events after a number, oldest first."""
    _insert_pending(tx)
    query = select(EventRow).where(EventRow.order_number == order, col(EventRow.number) > after)
    return list(tx.exec(query.order_by(col(EventRow.number)).limit(limit)))


def of_change(tx: Session, order: str, change: str, kind: EventType) -> Sequence[EventRow]:
    """Return the events of one type that a change appended to its order, oldest first."""
    _insert_pending(tx)
    of_order = (EventRow.order_number == order, EventRow.change == change, EventRow.type == kind)
    return tx.exec(select(EventRow).where(*of_order).order_by(col(EventRow.number))).all()


def latest_number(tx: Session, order: str, change: str, kinds: Sequence[EventType]) -> int:
    """Return the number of the latest event of some types that a change appended to its order; 0 without one."""
    _insert_pending(tx)
    of_order = (EventRow.order_number == order, EventRow.change == change, col(EventRow.type).in_(kinds))
    return tx.exec(select(func.max(EventRow.number)).where(*of_order)).one() or 0


def of_number(tx: Session, order: str, number: int) -> EventRow:
    """Return one event of an order that is known to exist."""
    _insert_pending(tx)
    return tx.get_one(EventRow, (order, number))
