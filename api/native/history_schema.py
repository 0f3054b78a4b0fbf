"""Response models of an order's events in the native API."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from store.changes.changes import Sender
from store.orders.events import data_of
from store.tables import EventRow


class OrderEventOut(BaseModel):
    """An event of an order."""

    number: int
    type: str
    change: str | None
    at: datetime
    data: dict[str, Any]


class EventOut(OrderEventOut):
    """An event of an order, with the sender of the change that it belongs to."""

    client: str | None = Field(
        description="The client of the change; `local` without authentication, `temporal` in Temporal; else null."
    )
    reason: str | None = Field(description="Why the client sent the change, if it said so.")


class HistoryOut(BaseModel):
    """An order's events, oldest first."""

    events: list[EventOut]


def order_event_out(row: EventRow) -> OrderEventOut:
    """Convert an event."""
    return OrderEventOut(number=row.number, type=row.type, change=row.change, at=row.at, data=data_of(row))


def event_out(row: EventRow, sender: Sender | None) -> EventOut:
    """Convert an event with its sender."""
    client, reason = sender or (None, None)
    return EventOut(**order_event_out(row).model_dump(), client=client, reason=reason)
