"""Response models of an order's events in the native API."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from store.orders.events import data_of
from store.tables import EventRow


class EventOut(BaseModel):
    """An event of an order."""

    number: int
    type: str
    change: str | None
    at: datetime
    data: dict[str, Any]


class HistoryOut(BaseModel):
    """An order's events, oldest first."""

    events: list[EventOut]


def event_out(row: EventRow) -> EventOut:
    """Convert an event."""
    return EventOut(number=row.number, type=row.type, change=row.change, at=row.at, data=data_of(row))
