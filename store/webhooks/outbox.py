"""Deliveries: which events are owed to which webhook, and what became of each."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import ColumnElement, String, bindparam, delete, exists, insert, literal, null, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from store.database.column_types import SafeInteger, UtcDateTime
from store.database.inserts import table_of
from store.tables import DeliveryRow, WebhookRow

LEASE = timedelta(minutes=1)
"""How long somebody who was told of a delivery may be silent before somebody is told again."""

# Run for every event there is, so built once: almost always nobody has subscribed.
_WEBHOOKS = table_of(WebhookRow)
_WANTED = or_(_WEBHOOKS.c.types.is_(None), _WEBHOOKS.c.types.contains(bindparam("quoted", type_=String())))
_MOMENT = bindparam("at", type_=UtcDateTime())
_OWE = insert(table_of(DeliveryRow)).from_select(
    ["tenant", "webhook", "order_number", "number", "type", "created_at", "next_attempt_at", "attempts"],
    sa.select(
        _WEBHOOKS.c.tenant,
        _WEBHOOKS.c.id,
        bindparam("order", type_=String()),
        bindparam("number", type_=SafeInteger()),
        bindparam("kind", type_=String()),
        _MOMENT,
        _MOMENT,
        literal(0, SafeInteger()),
    ).where(_WEBHOOKS.c.tenant == bindparam("of_tenant", type_=String()), _WEBHOOKS.c.enabled.is_(True), _WANTED),
)


_NOBODY = "nobody listens"


class PendingOrder(NamedTuple):
    """The first event of an order that a webhook has not got yet."""

    webhook: str
    order: str
    url: str


def any_webhook_of(tenant: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that some webhook of a tenant is enabled."""
    listening = sa.select(_WEBHOOKS.c.id).where(_WEBHOOKS.c.tenant == tenant, _WEBHOOKS.c.enabled.is_(True))
    return listening.exists()


def no_webhook_listens(tx: Session) -> None:
    """Note for a transaction that no webhook was enabled when it began: its events are owed to nobody."""
    tx.info[_NOBODY] = True


def enqueue(tx: Session, tenant: str, order: str, number: int, kind: str, at: datetime) -> None:
    """Write down that an event is owed to each enabled webhook that wants it: one statement."""
    if _NOBODY in tx.info:
        return
    values = {"of_tenant": tenant, "order": order, "number": number, "kind": kind, "at": at}
    tx.connection().execute(_OWE, values | {"quoted": json.dumps(kind)})


def pending(tx: Session, now: datetime, most: int) -> list[PendingOrder]:
    """Return the heads that somebody should deliver and nobody is known to, longest due first."""
    earlier = aliased(DeliveryRow)
    before = exists().where(
        col(earlier.webhook) == DeliveryRow.webhook,
        col(earlier.order_number) == DeliveryRow.order_number,
        col(earlier.delivered_at).is_(None),
        col(earlier.number) < col(DeliveryRow.number),
    )
    due = (col(DeliveryRow.next_attempt_at) <= now, col(WebhookRow.enabled).is_(True), ~before)
    query = select(DeliveryRow.webhook, DeliveryRow.order_number, WebhookRow.url).where(*due)
    query = query.join(WebhookRow, col(WebhookRow.id) == DeliveryRow.webhook)
    return [PendingOrder(*row) for row in tx.exec(query.order_by(col(DeliveryRow.next_attempt_at)).limit(most))]


def head(tx: Session, webhook: str, order: str) -> DeliveryRow | None:
    """Return the first event of an order that a webhook has not got yet. Who notes something locks the webhook."""
    query = select(DeliveryRow).where(*_waiting(webhook, order)).order_by(col(DeliveryRow.number))
    return tx.exec(query.limit(1)).first()


def lease_until(tx: Session, webhook: str, order: str, until: datetime) -> None:
    """Let nobody be told of an order's waiting events before a time: somebody delivers them."""
    tx.exec(update(DeliveryRow).where(*_waiting(webhook, order)).values(next_attempt_at=until))


def mark_handed_over(tx: Session, webhook: str, order: str, now: datetime) -> None:
    """Note that somebody was told of an order's waiting events; what has been put off meanwhile stays so."""
    due = (*_waiting(webhook, order), col(DeliveryRow.next_attempt_at) <= now)
    tx.exec(update(DeliveryRow).where(*due).values(next_attempt_at=now + LEASE))


def suspend(tx: Session, webhook: str) -> None:
    """Let nobody be told of what a webhook waits for: it is disabled."""
    waiting = (col(DeliveryRow.webhook) == webhook, col(DeliveryRow.delivered_at).is_(None))
    tx.exec(update(DeliveryRow).where(*waiting).values(next_attempt_at=null()))


def retry_all_now(tx: Session, webhook: str, now: datetime) -> None:
    """Let everything a webhook waits for be tried now, and as often as what is new."""
    waiting = (col(DeliveryRow.webhook) == webhook, col(DeliveryRow.delivered_at).is_(None))
    tx.exec(update(DeliveryRow).where(*waiting).values(next_attempt_at=now, attempts=0))


def undelivered(tx: Session, webhooks: Sequence[str]) -> dict[str, int]:
    """Return how many events each webhook has still to get."""
    mine = (col(DeliveryRow.webhook).in_(webhooks), col(DeliveryRow.delivered_at).is_(None))
    query = select(DeliveryRow.webhook, func.count()).where(*mine).group_by(col(DeliveryRow.webhook))
    return {webhook: count for webhook, count in tx.exec(query)}  # noqa: C416 - rows are no pairs to a type checker


def latest(tx: Session, webhook: str, most: int) -> list[DeliveryRow]:
    """Return a webhook's deliveries: those that fail first, then the latest."""
    fails = (col(DeliveryRow.delivered_at).is_(None)) & (col(DeliveryRow.attempts) > 0)
    query = select(DeliveryRow).where(DeliveryRow.webhook == webhook)
    order = (fails.desc(), col(DeliveryRow.created_at).desc(), col(DeliveryRow.number).desc())
    return list(tx.exec(query.order_by(*order).limit(most)))


def forget(tx: Session, webhook: str) -> None:
    """Forget everything about a webhook that is deleted."""
    tx.exec(delete(DeliveryRow).where(col(DeliveryRow.webhook) == webhook))


def forget_before(tx: Session, moment: datetime) -> None:
    """Forget what was owed before a time, delivered or parked; the order's history keeps the event."""
    tx.exec(delete(DeliveryRow).where(col(DeliveryRow.created_at) < moment))


def _waiting(webhook: str, order: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(DeliveryRow.webhook) == webhook,
        col(DeliveryRow.order_number) == order,
        col(DeliveryRow.delivered_at).is_(None),
    )
