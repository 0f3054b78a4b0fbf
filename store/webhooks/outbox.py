"""The outbox: which event is to be delivered to which webhook, and the state of each delivery."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import ColumnElement, String, bindparam, delete, insert, literal, null, or_, update
from sqlmodel import Session, col, func, select

from store.database.column_types import SafeInteger, UtcDateTime
from store.database.inserts import table_of
from store.tables import DeliveryRow, WebhookRow

LEASE = timedelta(minutes=1)
"""Lease on an order's deliveries; when it ends, the relay signals the workflow again."""

# Run for every event, so built once. Most often no webhook is subscribed.
_WEBHOOKS = table_of(WebhookRow)
_SUBSCRIBED = or_(_WEBHOOKS.c.types.is_(None), _WEBHOOKS.c.types.contains(bindparam("quoted", type_=String())))
_NOW = bindparam("at", type_=UtcDateTime())
_ENQUEUE = insert(table_of(DeliveryRow)).from_select(
    ["tenant", "webhook", "order_number", "number", "type", "created_at", "next_attempt_at", "attempts"],
    sa.select(
        _WEBHOOKS.c.tenant,
        _WEBHOOKS.c.id,
        bindparam("order", type_=String()),
        bindparam("number", type_=SafeInteger()),
        bindparam("kind", type_=String()),
        _NOW,
        _NOW,
        literal(0, SafeInteger()),
    ).where(_WEBHOOKS.c.tenant == bindparam("of_tenant", type_=String()), _WEBHOOKS.c.enabled.is_(True), _SUBSCRIBED),
)
_DELIVERIES = table_of(DeliveryRow)
_EARLIER = _DELIVERIES.alias()
_HAS_EARLIER = (
    sa.select(_EARLIER.c.number)
    .where(
        _EARLIER.c.webhook == _DELIVERIES.c.webhook,
        _EARLIER.c.order_number == _DELIVERIES.c.order_number,
        _EARLIER.c.delivered_at.is_(None),
        _EARLIER.c.number < _DELIVERIES.c.number,
    )
    .exists()
)
# Run by each relay at every poll, so built once: building it cost more than running it.
_PENDING = (
    sa.select(_DELIVERIES.c.webhook, _DELIVERIES.c.order_number, _WEBHOOKS.c.url)
    .join(_WEBHOOKS, _WEBHOOKS.c.id == _DELIVERIES.c.webhook)
    .where(_DELIVERIES.c.next_attempt_at <= _NOW, _WEBHOOKS.c.enabled.is_(True), ~_HAS_EARLIER)
    .order_by(_DELIVERIES.c.next_attempt_at)
    .limit(bindparam("at_most", type_=SafeInteger()))
)

_NO_WEBHOOK = "no webhook is enabled"


class PendingOrder(NamedTuple):
    """An order with an undelivered event, for one webhook."""

    webhook: str
    order: str
    url: str


def has_enabled_webhook(tenant: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that a tenant has an enabled webhook."""
    enabled = sa.select(_WEBHOOKS.c.id).where(_WEBHOOKS.c.tenant == tenant, _WEBHOOKS.c.enabled.is_(True))
    return enabled.exists()


def mark_no_webhook(tx: Session) -> None:
    """Mark a transaction: no webhook was enabled when it began, so its events are not enqueued."""
    tx.info[_NO_WEBHOOK] = True


def enqueue(tx: Session, tenant: str, order: str, number: int, kind: str, at: datetime) -> None:
    """Enqueue an event for each enabled webhook subscribed to its type, in one statement."""
    if _NO_WEBHOOK in tx.info:
        return
    values = {"of_tenant": tenant, "order": order, "number": number, "kind": kind, "at": at}
    tx.connection().execute(_ENQUEUE, values | {"quoted": json.dumps(kind)})


def pending(tx: Session, now: datetime, limit: int) -> list[PendingOrder]:
    """Return the orders whose first undelivered event is due and not leased, longest due first."""
    return [PendingOrder(*row) for row in tx.connection().execute(_PENDING, {"at": now, "at_most": limit})]


def find_next_delivery(tx: Session, webhook: str, order: str) -> DeliveryRow | None:
    """Return an order's first undelivered event for a webhook. A caller that records a result locks the webhook."""
    query = select(DeliveryRow).where(*_undelivered(webhook, order)).order_by(col(DeliveryRow.number))
    return tx.exec(query.limit(1)).first()


def lease_until(tx: Session, webhook: str, order: str, until: datetime) -> None:
    """Lease an order's undelivered events until a time: a workflow is delivering them, so the relay sends no signal."""
    tx.exec(update(DeliveryRow).where(*_undelivered(webhook, order)).values(next_attempt_at=until))


def mark_handed_over(tx: Session, webhook: str, order: str, now: datetime) -> None:
    """Lease an order's due events for LEASE after the relay has signalled the workflow; later leases stay."""
    due = (*_undelivered(webhook, order), col(DeliveryRow.next_attempt_at) <= now)
    tx.exec(update(DeliveryRow).where(*due).values(next_attempt_at=now + LEASE))


def suspend(tx: Session, webhook: str) -> None:
    """Suspend the undelivered events of a webhook that is disabled."""
    conditions = (col(DeliveryRow.webhook) == webhook, col(DeliveryRow.delivered_at).is_(None))
    tx.exec(update(DeliveryRow).where(*conditions).values(next_attempt_at=null()))


def retry_all_now(tx: Session, webhook: str, now: datetime) -> None:
    """Make a webhook's undelivered events due now and reset their attempts."""
    conditions = (col(DeliveryRow.webhook) == webhook, col(DeliveryRow.delivered_at).is_(None))
    tx.exec(update(DeliveryRow).where(*conditions).values(next_attempt_at=now, attempts=0))


def undelivered(tx: Session, webhooks: Sequence[str]) -> dict[str, int]:
    """Return the number of undelivered events of each webhook."""
    conditions = (col(DeliveryRow.webhook).in_(webhooks), col(DeliveryRow.delivered_at).is_(None))
    query = select(DeliveryRow.webhook, func.count()).where(*conditions).group_by(col(DeliveryRow.webhook))
    return {webhook: count for webhook, count in tx.exec(query)}  # noqa: C416 - rows are no pairs to a type checker


def latest(tx: Session, webhook: str, limit: int) -> list[DeliveryRow]:
    """Return a webhook's deliveries: failing ones first, then the latest."""
    failing = (col(DeliveryRow.delivered_at).is_(None)) & (col(DeliveryRow.attempts) > 0)
    query = select(DeliveryRow).where(DeliveryRow.webhook == webhook)
    order = (failing.desc(), col(DeliveryRow.created_at).desc(), col(DeliveryRow.number).desc())
    return list(tx.exec(query.order_by(*order).limit(limit)))


def forget(tx: Session, webhook: str) -> None:
    """Delete the deliveries of a webhook that is deleted."""
    tx.exec(delete(DeliveryRow).where(col(DeliveryRow.webhook) == webhook))


def forget_before(tx: Session, moment: datetime) -> None:
    """Delete deliveries created before a time, delivered or suspended; the order keeps its events."""
    tx.exec(delete(DeliveryRow).where(col(DeliveryRow.created_at) < moment))


def _undelivered(webhook: str, order: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(DeliveryRow.webhook) == webhook,
        col(DeliveryRow.order_number) == order,
        col(DeliveryRow.delivered_at).is_(None),
    )
