"""What one who watches changes sees of them at a glance: few columns, many changes at once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, or_, select

from domain.changes import Outcome
from store.tables import ChangeRow, EventRow, OrderRow, StepRecordRow


@dataclass(frozen=True)
class StepStatus:
    """How far one step of a change is."""

    step: str
    state: str
    refused: bool


@dataclass(frozen=True)
class ChangeSnapshot:
    """A change at one moment: its steps, its outcome if it has one, and its order's last event."""

    change: str
    tenant: str
    channel: str | None
    """Its order's."""
    order: str | None
    last_event: int
    steps: tuple[StepStatus, ...]
    outcome: Outcome | None


_CHANGES = (col(ChangeRow.id), col(ChangeRow.tenant), col(ChangeRow.order_number), col(ChangeRow.outcome))
_ORDERS = (col(OrderRow.last_event), col(OrderRow.distribution_channel))


def change_snapshots(tx: Session, changes: Sequence[str]) -> dict[str, ChangeSnapshot]:
    """Return changes, those there are, by their ids, whosoever they are."""
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
            outcome=Outcome.model_validate_json(outcome) if outcome else None,
        )
        for change, tenant, order, outcome, last_event, channel in rows
    }


def _steps(tx: Session, changes: Sequence[str]) -> dict[str, list[StepStatus]]:
    refused = col(StepRecordRow.refusal).is_not(None)
    columns = select(StepRecordRow.change, StepRecordRow.step, StepRecordRow.state, refused)
    steps = defaultdict(list)
    for change, step, state, no in tx.exec(columns.where(col(StepRecordRow.change).in_(changes)).order_by(_NUMBER)):
        steps[change].append(StepStatus(step, state, no))
    return steps


_NUMBER = col(StepRecordRow.number)


def events_seen(tx: Session, glance: ChangeSnapshot, after: int) -> list[EventRow]:
    """Return the events behind a number that one who watches a change is told, as of a glance at it.

    They are the change's own, and those that belong to no change (its draft expired, was discarded)
    from when it was asked for until it ended. Which they are never changes: a stream is resumed by number.
    """
    ended = glance.outcome.order.last_event if glance.outcome else glance.last_event
    asked_at = select(ChangeRow.created_at).where(ChangeRow.id == glance.change).scalar_subquery()
    meanwhile = col(EventRow.change).is_(None) & (col(EventRow.at) >= asked_at) & (col(EventRow.number) <= ended)
    query = select(EventRow).where(
        EventRow.order_number == glance.order,
        col(EventRow.number) > after,
        col(EventRow.number) <= glance.last_event,
        or_(EventRow.change == glance.change, meanwhile),
    )
    return list(tx.exec(query.order_by(col(EventRow.number))))
