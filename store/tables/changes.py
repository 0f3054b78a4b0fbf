"""Changes, the records of their steps, and the events of orders."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import SQLModel

from store.database.column_types import bounded_text, document, safe_integer, utc_datetime

_OPEN = text("outcome IS NULL")
_STARTED = text("state = 'started'")


class ChangeRow(SQLModel, table=True):
    """One request with its idempotency key, audit data and outcome; never deleted. Names stand only in its request."""

    __tablename__ = "changes"
    __table_args__ = (
        UniqueConstraint("tenant", "client", "route", "idempotency_key", name="one_change_per_key"),
        CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="outcome"),
        Index("changes_correlation", "tenant", "correlation_id"),
        Index("changes_of_order", "order_number", "created_at"),
        Index("changes_open", "tenant", "created_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    tenant: str = bounded_text(64)
    id: str = bounded_text(64, primary_key=True)
    client: str = bounded_text(64, default="")
    """The authenticated client; empty without authentication and for an operator's update in Temporal's Web UI."""
    order_number: str | None = bounded_text(20, default=None)
    route: str = bounded_text(200)
    idempotency_key: str | None = bounded_text(255, default=None)
    fingerprint: str = bounded_text(64)
    kind: str = bounded_text(20)
    request: str = document()
    correlation_id: str | None = bounded_text(256, default=None)
    state: str = bounded_text(20)
    draft_opened_by: str | None = bounded_text(64, default=None)
    """The id of the change that opened the draft this change belongs to."""
    dispatch_error: str | None = bounded_text(40, default=None)
    """A code that says why the request could not be submitted to the workflow yet."""
    plan: str | None = document(default=None)
    quote: str | None = document(default=None)
    outcome: str | None = document(default=None)
    shown: str | None = document(default=None)
    """The order as the answer shows it, if it does."""
    shown_catalogue: str | None = document(default=None)
    """What the first answer showed of the catalogue."""
    created_at: datetime = utc_datetime()
    claimed_at: datetime | None = utc_datetime(default=None)
    finished_at: datetime | None = utc_datetime(default=None)


class StepRecordRow(SQLModel, table=True):
    """The record of one step of one change: started, done or withdrawn, with its first result or refusal."""

    __tablename__ = "step_records"
    __table_args__ = (
        CheckConstraint("state IN ('started', 'done', 'withdrawn')", name="state"),
        Index("step_records_started", "step", sqlite_where=_STARTED, postgresql_where=_STARTED),
        Index("step_records_in_order", "order_number", "sequence", unique=True),
    )

    tenant: str = bounded_text(64)
    key: str = bounded_text(100, primary_key=True)
    order_number: str = bounded_text(20)
    change: str = bounded_text(64, index=True)
    step: str = bounded_text(40)
    sequence: int = safe_integer()
    """Counted per order under its lock: what is undone is ordered by it alone, since clocks step back."""
    command: str = document()
    state: str = bounded_text(20)
    result: str | None = document(default=None)
    refusal: str | None = document(default=None)
    started_at: datetime = utc_datetime()
    done_at: datetime | None = utc_datetime(default=None)
    withdrawn_at: datetime | None = utc_datetime(default=None)


class EventRow(SQLModel, table=True):
    """An event of an order. The events of an order are one gapless sequence."""

    __tablename__ = "events"

    tenant: str = bounded_text(64)
    order_number: str = bounded_text(20, primary_key=True, foreign_key="orders.number")
    number: int = safe_integer(primary_key=True)
    type: str = bounded_text(40)
    change: str | None = bounded_text(64, default=None)
    at: datetime = utc_datetime()
    data: str = document()
