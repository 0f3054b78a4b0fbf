"""What a reversal needs to know: the change that is stuck after its settlement, and the steps it undoes."""

from pydantic_core import from_json
from sqlmodel import Session, col, select

from domain.changes import ChangeKind
from store.changes import changes, unfinished
from store.changes.step_records import StepState
from store.tables import ChangeRow, OrderRow, StepRecordRow
from temporal.names import StepName, step_key


def settled_change(tx: Session, order: str) -> ChangeRow | None:
    """Return an order's change without an outcome whose money has moved, unless its reversal has begun."""
    rows = changes.claimed_without_outcome(tx, order, excluding="")
    if any(reversed_by(tx, row) for row in rows if row.kind == ChangeKind.REVERSE):
        return None
    return next((row for row in rows if _is_settled(tx, row.id)), None)


def _is_settled(tx: Session, change: str) -> bool:
    record = tx.get(StepRecordRow, step_key(change, StepName.SETTLE_PRICE_DIFFERENCE))
    return record is not None and record.state == StepState.DONE and record.refusal is None


def reversed_by(tx: Session, row: ChangeRow) -> str | None:
    """Return the change that a reversal reverses; None before it has begun."""
    begun = select(StepRecordRow).where(StepRecordRow.key == step_key(row.id, StepName.BEGIN_REVERSAL))
    record = tx.exec(begun.where(col(StepRecordRow.result).is_not(None))).one_or_none()
    return from_json(record.result or "").get("reversed_change") if record else None


def steps_to_undo(tx: Session, order: OrderRow, change: str) -> list[StepRecordRow]:
    """Return the steps of an order's draft and of a change in it that a reversal undoes, first done first.

    Authorisations are not among them: the settlement has captured them, which is refunded, or let go of them.
    """
    begun = select(StepRecordRow).where(
        StepRecordRow.change == change,
        StepRecordRow.step == StepName.RESEAT,
        StepRecordRow.state == StepState.WITHDRAWING,
    )
    rows = (*_of_draft_and_change(tx, order, change), *tx.exec(begun))
    undone = (row for row in rows if row.undo is not None and row.step != StepName.AUTHORISE_PAYMENT)
    return sorted({row.key: row for row in undone}.values(), key=lambda row: row.sequence)


def authorisations(tx: Session, order: OrderRow, change: str) -> list[StepRecordRow]:
    """Return the authorisations of an order's draft and of a change in it whose undo is not done."""
    rows = _of_draft_and_change(tx, order, change)
    return [row for row in rows if row.step == StepName.AUTHORISE_PAYMENT]


def _of_draft_and_change(tx: Session, order: OrderRow, change: str) -> list[StepRecordRow]:
    draft = unfinished.of_draft(tx, order.number, order.draft_opened_by) if order.draft_opened_by else []
    return [*draft, *unfinished.reversible_of_change(tx, change)]
