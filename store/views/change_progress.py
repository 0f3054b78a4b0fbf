"""Snapshots of changes for the change stream: few columns, many changes in one query."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, or_, select

from domain.changes import Outcome
from store.database.documents import from_document
from store.tables import ChangeRow, EventRow, OrderRow, StepRecordRow
from temporal.names import GROUP


@dataclass(frozen=True)
class StepStatus:
    """The state of one step of a change."""

    step: str
    state: str
    refused: bool


@dataclass(frozen=True)
class ChangeSnapshot:
    """A change at one moment: its steps, its outcome if it has one, and the last event of its order."""

    change: str
    tenant: str
    channel: str | None
    """The distribution channel of the change's order."""
    order: str | None
    last_event: int
    steps: tuple[StepStatus, ...]
    outcome: Outcome | None


_CHANGES = (col(ChangeRow.id), col(ChangeRow.tenant), col(ChangeRow.order_number), col(ChangeRow.outcome))
_ORDERS = (col(OrderRow.last_event), col(OrderRow.distribution_channel))


def change_snapshots(tx: Session, changes: Sequence[str]) -> dict[str, ChangeSnapshot]:
    """Return snapshots of the existing changes by id, regardless of their tenant."""
    columns = sa.select(*_CHANGES, *_ORDERS)
    of_orders = columns.join(OrderRow, col(OrderRow.number) == col(ChangeRow.order_number), isouter=True)
    rows = tx.execute(of_orders.where(col(ChangeRow.id).in_(changes))).all()
    steps = _steps(tx, changes)
    return {
        change: ChangeSnapshot(
            change=change,
            tenant=tenant,
            channel=channel,
            order=order,
            last_event=last_event or 0,
            steps=tuple(steps[change]),
            outcome=from_document(Outcome, outcome) if outcome else None,
        )
        for change, tenant, order, outcome, last_event, channel in rows
    }


def _steps(tx: Session, changes: Sequence[str]) -> dict[str, list[StepStatus]]:
    is_refused = col(StepRecordRow.refusal).is_not(None)
    columns = select(StepRecordRow.change, StepRecordRow.step, StepRecordRow.state, is_refused)
    steps = defaultdict(list)
    for change, step, state, refused in tx.exec(
        columns.where(col(StepRecordRow.change).in_(changes), StepRecordRow.step != GROUP).order_by(_SEQUENCE)
    ):
        steps[change].append(StepStatus(step, state, refused))
    return steps


_SEQUENCE = col(StepRecordRow.sequence)


def events_for_stream(tx: Session, snapshot: ChangeSnapshot, after: int) -> list[EventRow]:
    """Return the events after a number that a change's stream sends, as of a snapshot of the change.

    They are the change's own events, and those without a change (draft expired or discarded) from the
    request until its outcome. The selection never changes, because clients resume a stream by event number.
    """
    ended = snapshot.outcome.order.last_event if snapshot.outcome else snapshot.last_event
    requested_at = select(ChangeRow.created_at).where(ChangeRow.id == snapshot.change).scalar_subquery()
    meanwhile = col(EventRow.change).is_(None) & (col(EventRow.at) >= requested_at) & (col(EventRow.number) <= ended)
    query = select(EventRow).where(
        EventRow.order_number == snapshot.order,
        col(EventRow.number) > after,
        col(EventRow.number) <= snapshot.last_event,
        or_(EventRow.change == snapshot.change, meanwhile),
    )
    return list(tx.exec(query.order_by(col(EventRow.number))))
