"""Webhook subscriptions: their event types, their secrets and the state of their deliveries."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from domain.webhooks import DisabledReason
from store.database.inserts import insert_if_absent
from store.database.tenant_session import TenantSession
from store.tables import WebhookRow
from store.webhooks import outbox

PREVIOUS_SECRET_LIFETIME = timedelta(hours=24)
"""How long the previous secret still signs after a rotation."""


def add(tx: Session, row: WebhookRow) -> bool:
    """Insert a new webhook; return False when its idempotency key is taken."""
    return insert_if_absent(tx, row)


def of_key(tx: TenantSession, key: str) -> WebhookRow | None:
    """Return the webhook that was created under an idempotency key, or None."""
    conditions = (WebhookRow.tenant == tx.access.tenant, WebhookRow.idempotency_key == key)
    return tx.exec(select(WebhookRow).where(*conditions)).one_or_none()


def count(tx: TenantSession) -> int:
    """Return the number of a tenant's webhooks."""
    return tx.exec(select(func.count()).select_from(WebhookRow).where(WebhookRow.tenant == tx.access.tenant)).one()


def of_tenant(tx: TenantSession) -> list[WebhookRow]:
    """Return a tenant's webhooks, oldest first."""
    query = select(WebhookRow).where(WebhookRow.tenant == tx.access.tenant)
    return list(tx.exec(query.order_by(col(WebhookRow.created_at), col(WebhookRow.id))))


def of_id(tx: Session, webhook: str, *, lock: bool = False) -> WebhookRow | None:
    """Return a webhook of any tenant. Lock it before its deliveries, to avoid a deadlock of two transactions."""
    query = select(WebhookRow).where(WebhookRow.id == webhook)
    return tx.exec(query.with_for_update() if lock else query).one_or_none()


def find(tx: TenantSession, webhook: str, *, lock: bool = False) -> WebhookRow | None:
    """Return a webhook of the session's tenant, or None."""
    row = of_id(tx, webhook, lock=lock)
    return row if row and row.tenant == tx.access.tenant else None


def secrets_of(row: WebhookRow, now: datetime) -> tuple[str, ...]:
    """Return the secrets that sign deliveries now, the current one first."""
    if row.previous_secret and row.previous_secret_until and row.previous_secret_until > now:
        return row.secret, row.previous_secret
    return (row.secret,)


def types_of(row: WebhookRow) -> tuple[str, ...] | None:
    """Return the event types a webhook subscribes to; None means all."""
    return None if row.types is None else tuple(json.loads(row.types))


def dump_types(types: Sequence[str] | None) -> str | None:
    """Return event types as JSON for storage."""
    return None if types is None else json.dumps(sorted(types))


def rotate(row: WebhookRow, secret: str, key: str, now: datetime) -> None:
    """Set a new secret; the previous one also signs for a day."""
    row.previous_secret, row.previous_secret_until = row.secret, now + PREVIOUS_SECRET_LIFETIME
    row.secret, row.secret_idempotency_key = secret, key


def succeed(row: WebhookRow, now: datetime) -> None:
    """Record a successful delivery."""
    row.last_success_at, row.failing_since = now, None


def fail(row: WebhookRow, failure: str, status: int | None, now: datetime) -> None:
    """Record a failed delivery."""
    row.last_failure, row.last_status, row.failing_since = failure, status, row.failing_since or now


def disable(tx: Session, row: WebhookRow, why: DisabledReason) -> None:
    """Disable a webhook: no new events are enqueued, and undelivered ones stay until it is enabled."""
    row.enabled, row.disabled_reason = False, why
    outbox.suspend(tx, row.id)


def enable(tx: Session, row: WebhookRow, now: datetime) -> None:
    """Enable a webhook and make its undelivered events due now."""
    row.enabled, row.disabled_reason, row.failing_since = True, None, None
    outbox.retry_all_now(tx, row.id, now)
