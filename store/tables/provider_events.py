"""The inbox of events of outside providers, and the disputes that they notify us of."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import SQLModel

from domain.money import Money
from store.database.column_types import bounded_text, safe_integer, utc_datetime

_UNSERVED, _OPEN = text("served_at IS NULL"), text("state = 'open'")


class ProviderEventRow(SQLModel, table=True):
    """An event of a provider: kept once, however often it is delivered, and served by its order's workflow."""

    __tablename__ = "provider_events"
    __table_args__ = (
        CheckConstraint("(change IS NULL) = (order_number IS NULL)", name="handed_over"),
        Index("provider_events_unserved", "received_at", sqlite_where=_UNSERVED, postgresql_where=_UNSERVED),
    )

    tenant: str = bounded_text(64, primary_key=True)
    provider: str = bounded_text(40, primary_key=True)
    id: str = bounded_text(100, primary_key=True)
    kind: str = bounded_text(30)
    key: str = bounded_text(100)
    """Our key that the event is about."""
    amount_minor: int = safe_integer()
    currency: str = bounded_text(3)
    dispute: str | None = bounded_text(100, default=None)
    order_number: str | None = bounded_text(20, default=None)
    """The order of the key; None while no order is known that has it."""
    change: str | None = bounded_text(64, default=None, index=True)
    """The latest request that is to serve it."""
    attempts: int = safe_integer(default=0)
    """How many requests were made to serve it."""
    received_at: datetime = utc_datetime()
    submitted_at: datetime | None = utc_datetime(default=None)
    """When the order's workflow last accepted the latest request."""
    served_at: datetime | None = utc_datetime(default=None)


class DisputeRow(SQLModel, table=True):
    """A dispute about a captured payment, in minor units. Our ledger does not move by it."""

    __tablename__ = "disputes"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'won', 'lost', 'closed')", name="state"),
        Index("disputes_open", "tenant", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    tenant: str = bounded_text(64, primary_key=True)
    provider: str = bounded_text(40, primary_key=True)
    id: str = bounded_text(100, primary_key=True)
    """The provider's name of the dispute."""
    order_number: str = bounded_text(20, foreign_key="orders.number", index=True)
    payment: str = bounded_text(100)
    """The key of the payment's authorisation."""
    amount_minor: int = safe_integer()
    currency: str = bounded_text(3)
    state: str = bounded_text(20)
    opened_at: datetime = utc_datetime()
    closed_at: datetime | None = utc_datetime(default=None)

    @property
    def amount(self) -> Money:
        """The disputed amount."""
        return Money(self.amount_minor, self.currency)
