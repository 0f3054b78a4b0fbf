"""The inbox of events of outside providers: each event is kept once, and becomes a request of its order."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select, update

from domain import formats
from domain.changes import ChangeKind, ChangeRequest, ChangeState
from domain.moves import MoveState
from domain.provider_events import ProviderEvent, ProviderEventKind
from store.changes import changes
from store.database.documents import to_document
from store.database.inserts import insert_if_absent
from store.orders.ledger import find_payment
from store.tables import ChangeRow, MoveRow, ProviderEventRow

ROUTE = changes.PROVIDER_EVENT_ROUTE
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
"""Between requests to serve an event that fail: the pause doubles."""
LOOKED_FOR = timedelta(days=7)
"""How long the order of a key that is not known is looked for: a database that is restored may come to know it."""
RESUBMIT_AFTER = timedelta(hours=1)
"""A workflow keeps what it has accepted; only a reset or a deletion loses it."""


def receive(tx: Session, event: ProviderEvent, now: datetime) -> ProviderEventRow | None:
    """Keep an event, and make it a request of its order; None for one that was received before.

    An event that says what we know already is kept as served. One whose order is not known stays without a request.
    """
    row = ProviderEventRow(
        tenant=event.tenant,
        provider=event.provider,
        id=event.id,
        kind=event.kind,
        key=event.key,
        amount_minor=event.amount.minor,
        currency=event.amount.currency,
        dispute=event.dispute,
        received_at=now,
    )
    if not insert_if_absent(tx, row):
        return None
    kept = tx.get_one(ProviderEventRow, (row.tenant, row.provider, row.id))
    if _is_known_already(tx, kept):
        kept.served_at = now
    else:
        hand_over(tx, kept, now)
    return kept


def hand_over(tx: Session, row: ProviderEventRow, now: datetime) -> bool:
    """Make an event a new request of its order; return whether its order is known."""
    order = changes.order_of_key(tx, row.key, row.tenant)
    if order is None:
        return False
    request = ChangeRequest(kind=ChangeKind.PROVIDER_EVENT)
    change = ChangeRow(
        tenant=row.tenant,
        id=str(uuid.uuid4()),
        order_number=order,
        route=ROUTE,
        idempotency_key=f"{row.provider}/{row.id}/{row.attempts + 1}",
        fingerprint="",
        kind=request.kind,
        request=to_document(request),
        needs=formats.needs(request),
        state=ChangeState.WAITING,
        created_at=now,
    )
    if not changes.add(tx, change):
        raise LookupError("a request of an event has an attempt of its own")
    row.order_number, row.change, row.submitted_at = order, change.id, None
    row.attempts += 1
    return True


def of_change(tx: Session, change: str) -> ProviderEventRow:
    """Return the event that a request serves."""
    return tx.exec(select(ProviderEventRow).where(ProviderEventRow.change == change)).one()


def record_submitted(tx: Session, change: str, now: datetime) -> None:
    """Record that the workflow of the order has accepted the request."""
    of_request = (col(ProviderEventRow.change) == change, col(ProviderEventRow.served_at).is_(None))
    tx.exec(update(ProviderEventRow).where(*of_request).values(submitted_at=now))


def any_unserved(tx: Session, before: datetime) -> bool:
    """Whether an event that was received before a time is not served, and may be now."""
    query = select(ProviderEventRow.id).where(*_unserved(before), _may_be_served(before))
    return tx.exec(query.limit(1)).first() is not None


def to_hand_over(tx: Session, before: datetime, limit: int) -> list[ProviderEventRow]:
    """Return events without a request, and those whose request ended without serving them and is to be repeated."""
    query = select(ProviderEventRow).join(ChangeRow, col(ChangeRow.id) == col(ProviderEventRow.change), isouter=True)
    ended = or_(col(ProviderEventRow.change).is_(None), col(ChangeRow.outcome).is_not(None))
    query = query.where(*_unserved(before), ended, _may_be_served(before))
    # Those that were tried least come first, so that none waits for others that fail.
    query = query.order_by(col(ProviderEventRow.attempts), col(ProviderEventRow.received_at)).limit(limit)
    rows = tx.exec(query.with_for_update(of=ProviderEventRow))
    return [row for row in rows if row.change is None or _is_due(row, before)]


def to_submit(tx: Session, before: datetime, limit: int) -> list[tuple[str, str]]:
    """Return order and id of requests that no run has begun, and that no workflow is known to have accepted."""
    waiting = (col(ChangeRow.claimed_at).is_(None), col(ChangeRow.outcome).is_(None), ChangeRow.created_at < before)
    submitted = col(ProviderEventRow.submitted_at)
    lost = or_(submitted.is_(None), submitted < before - RESUBMIT_AFTER)
    query = select(ChangeRow.order_number, ChangeRow.id).join(
        ProviderEventRow, col(ChangeRow.id) == col(ProviderEventRow.change)
    )
    rows = tx.exec(query.where(*_unserved(before), *waiting, lost).order_by(col(ChangeRow.created_at)).limit(limit))
    return [(order, change) for order, change in rows if order]


def _unserved(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return (col(ProviderEventRow.served_at).is_(None), col(ProviderEventRow.received_at) < before)


def _may_be_served(now: datetime) -> ColumnElement[bool]:
    known = col(ProviderEventRow.change).is_not(None)
    return or_(known, col(ProviderEventRow.received_at) > now - LOOKED_FOR)


def _is_due(row: ProviderEventRow, now: datetime) -> bool:
    """Whether it is time for another request; counted from the receipt, so that the pauses double."""
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(row.attempts - 1, 16), LONGEST_PAUSE)
    return (row.submitted_at or row.received_at) + pause <= now


def _is_known_already(tx: Session, row: ProviderEventRow) -> bool:
    """Whether an event says nothing new, such as that of a void that we have asked for: then no workflow is needed.

    A payment that is not open never is again, and a refund that is paid or failed is not pending again.
    """
    if row.kind == ProviderEventKind.AUTHORISATION_ENDED:
        payment = find_payment(tx, row.key)
        return payment is not None and payment.tenant == row.tenant and not payment.open
    if row.kind == ProviderEventKind.REFUND_PAID:
        move = tx.get(MoveRow, row.key)
        return move is not None and move.tenant == row.tenant and move.state in (MoveState.DONE, MoveState.FAILED)
    return False
