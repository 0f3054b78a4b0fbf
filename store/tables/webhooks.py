"""Webhook subscriptions and the outbox of events for them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import SQLModel

from store.database.column_types import bounded_text, document, safe_integer, utc_datetime


class WebhookRow(SQLModel, table=True):
    """A webhook: a subscribed URL with its secrets and the state of its deliveries."""

    __tablename__ = "webhooks"
    __table_args__ = (
        UniqueConstraint("tenant", "idempotency_key", name="one_webhook_per_key"),
        CheckConstraint("enabled = (disabled_reason IS NULL)", name="disabled_reason"),
    )

    tenant: str = bounded_text(64)
    id: str = bounded_text(64, primary_key=True)
    url: str = bounded_text(2000)
    types: str | None = document(default=None)
    """The subscribed event types as a JSON list; None means all."""
    secret: str = bounded_text(100)
    secret_idempotency_key: str = bounded_text(255)
    """The Idempotency-Key of the request that created the secret; a retry returns the same secret."""
    previous_secret: str | None = bounded_text(100, default=None)
    previous_secret_until: datetime | None = utc_datetime(default=None)
    idempotency_key: str = bounded_text(255)
    fingerprint: str = bounded_text(64)
    created_at: datetime = utc_datetime()
    enabled: bool = True
    disabled_reason: str | None = bounded_text(40, default=None)
    failing_since: datetime | None = utc_datetime(default=None)
    last_failure: str | None = bounded_text(40, default=None)
    last_status: int | None = safe_integer(default=None)
    last_success_at: datetime | None = utc_datetime(default=None)


class DeliveryRow(SQLModel, table=True):
    """One event to be delivered to one webhook, written in the transaction that appends the event.

    It references its webhook without a foreign key, because deleting a webhook must not block an order.
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_latest", "webhook", "created_at"),)

    tenant: str = bounded_text(64)
    webhook: str = bounded_text(64, primary_key=True)
    order_number: str = bounded_text(20, primary_key=True, foreign_key="orders.number")
    number: int = safe_integer(primary_key=True)
    type: str = bounded_text(40)
    created_at: datetime = utc_datetime()
    attempts: int = safe_integer(default=0)
    next_attempt_at: datetime | None = utc_datetime(default=None, index=True)
    """When the outbox relay next checks the delivery; None once delivered and while the webhook is disabled."""
    last_attempt_at: datetime | None = utc_datetime(default=None)
    last_failure: str | None = bounded_text(40, default=None)
    last_status: int | None = safe_integer(default=None)
    delivered_at: datetime | None = utc_datetime(default=None)
