"""Changes, the memory of their steps, and what happened to an order."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import SQLModel

from store.database.column_types import document, moment, whole, words

_OPEN = text("outcome IS NULL")
_ASKED = text("state = 'asked'")


class ChangeRow(SQLModel, table=True):
    """One request: idempotency record, audit record and outcome, for ever. Names live only here."""

    __tablename__ = "changes"
    __table_args__ = (
        UniqueConstraint("tenant", "client", "route", "idempotency_key", name="one_change_per_key"),
        CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="outcome"),
        Index("changes_correlation", "tenant", "correlation_id"),
        Index("changes_of_order", "order_number", "created_at"),
        Index("changes_open", "tenant", "created_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    tenant: str = words(64)
    id: str = words(64, primary_key=True)
    client: str = words(64, default="")
    """Who asked, where clients are known; empty for an operator's update in the Web UI."""
    order_number: str | None = words(20, default=None)
    route: str = words(200)
    idempotency_key: str | None = words(255, default=None)
    fingerprint: str = words(64)
    kind: str = words(20)
    request: str = document()
    correlation_id: str | None = words(64, default=None)
    state: str = words(20)
    draft: str | None = words(64, default=None)
    """The change that opened the draft this one is part of."""
    trouble: str | None = words(40, default=None)
    """Why it has not been asked of the workflow yet, as a code."""
    plan: str | None = document(default=None)
    quote: str | None = document(default=None)
    outcome: str | None = document(default=None)
    created_at: datetime = moment()
    claimed_at: datetime | None = moment(default=None)
    finished_at: datetime | None = moment(default=None)


class EffectRow(SQLModel, table=True):
    """What is known of one step of one change: asked, done or withdrawn, and its first answer."""

    __tablename__ = "effects"
    __table_args__ = (
        CheckConstraint("state IN ('asked', 'done', 'withdrawn')", name="state"),
        Index("effects_asked", "step", sqlite_where=_ASKED, postgresql_where=_ASKED),
    )

    tenant: str = words(64)
    key: str = words(100, primary_key=True)
    order_number: str = words(20, index=True)
    change: str = words(64, index=True)
    step: str = words(40)
    number: int = whole()
    command: str = document()
    state: str = words(20)
    answer: str | None = document(default=None)
    refusal: str | None = document(default=None)
    asked_at: datetime = moment()
    done_at: datetime | None = moment(default=None)
    withdrawn_at: datetime | None = moment(default=None)


class EventRow(SQLModel, table=True):
    """Something that became true of an order. One gapless sequence per order."""

    __tablename__ = "events"

    tenant: str = words(64)
    order_number: str = words(20, primary_key=True, foreign_key="orders.number")
    number: int = whole(primary_key=True)
    type: str = words(40)
    change: str | None = words(64, default=None)
    at: datetime = moment()
    data: str = document()
