"""Changes, the records of their steps, and the events of orders."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import SQLModel

from domain import formats
from store.database.column_types import bounded_text, document, safe_integer, utc_datetime

_OPEN = text("outcome IS NULL")
_STARTED, _WITHDRAWING = text("state = 'started'"), text("state = 'withdrawing'")


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
    needs: int = safe_integer(default=formats.FIRST)
    """The lowest format that expresses the request; a worker that does not know it does not run the request."""
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
    """The record of one step of one change: its state, and its first result or refusal."""

    __tablename__ = "step_records"
    __table_args__ = (
        CheckConstraint("state IN ('started', 'done', 'withdrawing', 'withdrawn')", name="state"),
        Index("step_records_started", "state", sqlite_where=_STARTED, postgresql_where=_STARTED),
        Index("step_records_withdrawing", "change", sqlite_where=_WITHDRAWING, postgresql_where=_WITHDRAWING),
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
    undo: str | None = bounded_text(40, default=None)
    """The name of the step's undo; None for a step without one."""
    amount_minor: int | None = safe_integer(default=None)
    """The amount that the step moves at its provider, with its currency; None when it moves none or it is unknown."""
    currency: str | None = bounded_text(3, default=None)
    units: str | None = document(default=None)
    """How many seats and units the step holds at each place; None when it holds none."""
    state: str = bounded_text(20)
    result: str | None = document(default=None)
    refusal: str | None = document(default=None)
    started_at: datetime = utc_datetime()
    done_at: datetime | None = utc_datetime(default=None)
    attempts: int = safe_integer(default=0)
    """How often a final step at an external provider was begun; its other columns of attempts are of these too."""
    unanswered: str | None = document(default=None)
    """When each attempt began of which it is not known what it has done, by its number; None for no such attempt."""
    refused_at: datetime | None = utc_datetime(default=None)
    """When the latest attempt began that the provider refused."""
    discarded_answers: int = safe_integer(default=0)
    """How many answers of an external inventory to this step were wrong: it holds anew under a key with this number."""
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
