"""Who wants to hear of events, and what each is still to be told."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import SQLModel

from store.database.column_types import document, moment, whole, words


class WebhookRow(SQLModel, table=True):
    """A subscribed URL, and how it does."""

    __tablename__ = "webhooks"
    __table_args__ = (
        UniqueConstraint("tenant", "created_key", name="one_webhook_per_key"),
        CheckConstraint("enabled = (disabled_why IS NULL)", name="disabled_why"),
    )

    tenant: str = words(64)
    id: str = words(64, primary_key=True)
    url: str = words(2000)
    types: str | None = document(default=None)
    """The event types it wants, as JSON; none means all."""
    secret: str = words(100)
    secret_key: str = words(255)
    """The Idempotency-Key of the request that made the secret, which is answered with it again."""
    former_secret: str | None = words(100, default=None)
    former_until: datetime | None = moment(default=None)
    created_key: str = words(255)
    fingerprint: str = words(64)
    created_at: datetime = moment()
    enabled: bool = True
    disabled_why: str | None = words(40, default=None)
    failing_since: datetime | None = moment(default=None)
    last_failure: str | None = words(40, default=None)
    last_status: int | None = whole(default=None)
    last_success_at: datetime | None = moment(default=None)


class DeliveryRow(SQLModel, table=True):
    """One event owed to one webhook, written in the transaction that appends the event.

    It names its webhook without a foreign key: a webhook that is deleted must not hold up an order.
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_latest", "webhook", "created_at"),)

    tenant: str = words(64)
    webhook: str = words(64, primary_key=True)
    order_number: str = words(20, primary_key=True, foreign_key="orders.number")
    number: int = whole(primary_key=True)
    type: str = words(40)
    created_at: datetime = moment()
    attempts: int = whole(default=0)
    next_at: datetime | None = moment(default=None, index=True)
    """When to see that somebody delivers it; none once it is delivered, and while its webhook is disabled."""
    last_attempt_at: datetime | None = moment(default=None)
    last_failure: str | None = words(40, default=None)
    last_status: int | None = whole(default=None)
    delivered_at: datetime | None = moment(default=None)
