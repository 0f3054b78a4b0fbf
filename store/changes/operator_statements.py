"""What people said about a stuck step through us, on its order's history: who, why, when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from store.orders.events import EventType, append, data_of
from store.tables import EventRow, OrderRow


@dataclass(frozen=True)
class OperatorStatement:
    """What somebody said of a step that is stuck since a time."""

    kind: EventType
    step: str
    since: datetime
    actor: str
    reason: str
    id: str
    """Ours, or made of the client's own key: said twice under it, it is said once."""

    def is_about(self, step: str, since: datetime) -> bool:
        """Whether it is about that step, stuck since then."""
        return (self.step, self.since) == (step, since)


@dataclass(frozen=True)
class RecordedStatement:
    """What was said, and when."""

    saying: OperatorStatement
    at: datetime


def record(tx: Session, order: OrderRow, change: str | None, saying: OperatorStatement, now: datetime) -> int:
    """Write on a locked order what somebody said; return its event's number."""
    data = {
        "step": saying.step,
        "since": saying.since.isoformat(),
        "actor": saying.actor,
        "reason": saying.reason,
        "id": saying.id,
    }
    append(tx, order, saying.kind, change, now, data)
    return order.last_event


def number_of(tx: Session, order: str, kind: EventType, said_id: str) -> int | None:
    """Return the number of the event of what was said under an id."""
    for row in _rows(tx, order, kind):
        if data_of(row).get("id") == said_id:
            return row.number
    return None


def of_number(tx: Session, order: str, number: int, kind: EventType) -> RecordedStatement | None:
    """Return what an event says somebody said; None for an event of another kind, or that nobody said."""
    row = tx.get(EventRow, (order, number))
    return RecordedStatement(_saying(row), row.at) if row and row.type == kind and "id" in data_of(row) else None


def statements_of_done(tx: Session, order: str, step: str, since: datetime, after: datetime) -> list[RecordedStatement]:
    """Return who said after a time that a stuck step was done by hand, each person's latest, latest first."""
    rows = ((_saying(row), row.at) for row in _rows(tx, order, EventType.DONE_BY_HAND_STATED) if row.at > after)
    latest: dict[str, RecordedStatement] = {}
    for saying, at in rows:
        if saying.is_about(step, since):
            latest.setdefault(saying.actor, RecordedStatement(saying, at))
    return list(latest.values())


def _rows(tx: Session, order: str, kind: EventType) -> Iterator[EventRow]:
    query = select(EventRow).where(EventRow.order_number == order, EventRow.type == kind)
    yield from tx.exec(query.order_by(col(EventRow.number).desc()))


def _saying(row: EventRow) -> OperatorStatement:
    data = data_of(row)
    about = data["step"], datetime.fromisoformat(data["since"])
    return OperatorStatement(EventType(row.type), *about, data["actor"], data["reason"], data["id"])
