"""Webhooks: who wants to hear of events, with which secrets, and how each does."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from domain.webhooks import DisabledReason
from store.database.inserts import insert_if_absent
from store.database.tenant_session import TenantSession
from store.tables import WebhookRow
from store.webhooks import outbox

BOTH_SECRETS = timedelta(hours=24)
"""How long the former secret signs along after a rotation."""


def add(tx: Session, row: WebhookRow) -> bool:
    """Write a new webhook; False when its idempotency key is taken."""
    return insert_if_absent(tx, row)


def of_key(tx: TenantSession, key: str) -> WebhookRow | None:
    """Return the webhook that was made under an idempotency key."""
    mine = (WebhookRow.tenant == tx.reach.tenant, WebhookRow.idempotency_key == key)
    return tx.exec(select(WebhookRow).where(*mine)).one_or_none()


def count(tx: TenantSession) -> int:
    """Return how many webhooks a tenant has."""
    return tx.exec(select(func.count()).select_from(WebhookRow).where(WebhookRow.tenant == tx.reach.tenant)).one()


def of_tenant(tx: TenantSession) -> list[WebhookRow]:
    """Return a tenant's webhooks, oldest first."""
    query = select(WebhookRow).where(WebhookRow.tenant == tx.reach.tenant)
    return list(tx.exec(query.order_by(col(WebhookRow.created_at), col(WebhookRow.id))))


def of_id(tx: Session, webhook: str, *, lock: bool = False) -> WebhookRow | None:
    """Return a webhook, whosoever it is. It is locked before its deliveries, lest two lock each other out."""
    query = select(WebhookRow).where(WebhookRow.id == webhook)
    return tx.exec(query.with_for_update() if lock else query).one_or_none()


def find(tx: TenantSession, webhook: str, *, lock: bool = False) -> WebhookRow | None:
    """Return a webhook within reach."""
    row = of_id(tx, webhook, lock=lock)
    return row if row and row.tenant == tx.reach.tenant else None


def secrets_of(row: WebhookRow, now: datetime) -> tuple[str, ...]:
    """Return the secrets that sign, the present one first."""
    if row.previous_secret and row.previous_secret_until and row.previous_secret_until > now:
        return row.secret, row.previous_secret
    return (row.secret,)


def types_of(row: WebhookRow) -> tuple[str, ...] | None:
    """Return the event types a webhook wants; None means all."""
    return None if row.types is None else tuple(json.loads(row.types))


def written(types: Sequence[str] | None) -> str | None:
    """Write the event types down that a webhook wants."""
    return None if types is None else json.dumps(sorted(types))


def rotate(row: WebhookRow, secret: str, key: str, now: datetime) -> None:
    """Give a webhook a new secret; the present one signs along for a day."""
    row.previous_secret, row.previous_secret_until = row.secret, now + BOTH_SECRETS
    row.secret, row.secret_idempotency_key = secret, key


def succeed(row: WebhookRow, now: datetime) -> None:
    """Note that a webhook took an event."""
    row.last_success_at, row.failing_since = now, None


def fail(row: WebhookRow, failure: str, status: int | None, now: datetime) -> None:
    """Note that a webhook did not take an event."""
    row.last_failure, row.last_status, row.failing_since = failure, status, row.failing_since or now


def disable(tx: Session, row: WebhookRow, why: DisabledReason) -> None:
    """Disable a webhook: it is owed nothing more, and what it waits for stays until it is enabled."""
    row.enabled, row.disabled_reason = False, why
    outbox.suspend(tx, row.id)


def enable(tx: Session, row: WebhookRow, now: datetime) -> None:
    """Enable a webhook, and let what it waits for be tried now."""
    row.enabled, row.disabled_reason, row.failing_since = True, None, None
    outbox.retry_all_now(tx, row.id, now)
