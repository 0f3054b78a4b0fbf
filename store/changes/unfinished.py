"""Unfinished work of runs that have ended: open drafts, partially undone drafts and steps of failed changes."""

import sqlalchemy as sa
from sqlalchemy import ColumnElement, String, and_, bindparam, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from domain.changes import ChangeState
from store.changes.step_records import StepState
from store.tables import ChangeRow, EmbeddedPaymentRow, SeatHoldRow, StepRecordRow, StockHoldRow
from temporal.names import StepName

_FAILED = (ChangeState.REFUSED, ChangeState.UNDONE)


def _done(record: type[StepRecordRow]) -> ColumnElement[bool]:
    return and_(col(record.state) == StepState.DONE, col(record.refusal).is_(None))


def _reversible(record: type[StepRecordRow]) -> ColumnElement[bool]:
    return col(record.undo).is_not(None)


def _left(record: type[StepRecordRow]) -> ColumnElement[bool]:
    """Whether a step is done, or its undo has begun and may not have reached its provider."""
    return or_(_done(record), col(record.state) == StepState.WITHDRAWING)


def of_draft(tx: Session, order: str, draft: str) -> list[StepRecordRow]:
    """Return the steps of an open draft's changes which may have to be undone, first done first."""
    conditions = (ChangeRow.order_number == order, ChangeRow.draft_opened_by == draft, ChangeRow.state == "done")
    query = select(StepRecordRow).join(ChangeRow, col(ChangeRow.id) == col(StepRecordRow.change)).where(*conditions)
    query = query.where(_left(StepRecordRow))
    return list(tx.exec(query.order_by(col(StepRecordRow.sequence))))


def reversible_of_change(tx: Session, change: str) -> list[StepRecordRow]:
    """Return the done steps of a change that have an undo, first done first."""
    of_change = (StepRecordRow.change == change, _reversible(StepRecordRow), _done(StepRecordRow))
    return list(tx.exec(select(StepRecordRow).where(*of_change).order_by(col(StepRecordRow.sequence))))


def partially_undone_draft(tx: Session, order: str) -> str | None:
    """Return an order's draft that is closed but only partially undone, by the id of the change that opened it."""
    return tx.exec(_undone_openers().where(ChangeRow.order_number == order)).first()


def orders_partially_undone(tx: Session) -> list[str]:
    """Return the orders that have a partially undone draft."""
    openers = _undone_openers().subquery()
    orders = tx.exec(select(ChangeRow.order_number).join(openers, openers.c.id == col(ChangeRow.id)))
    return [order for order in orders if order]


def _undone_openers() -> SelectOfScalar[str]:
    """Return the query for openers of partially undone drafts: their swap is withdrawn, other steps are not."""
    step, other = aliased(StepRecordRow), aliased(ChangeRow)
    # The order is redundant beside the draft, but it has an index.
    of_draft = (col(other.order_number) == col(ChangeRow.order_number), col(other.draft_opened_by) == col(ChangeRow.id))
    done = (*of_draft, col(other.state) == ChangeState.DONE, _left(step))
    residue = exists().where(col(step.change) == col(other.id), _reversible(step), *done)
    swap = (StepRecordRow.step == StepName.SWAP_OFFER_BUNDLE, StepRecordRow.state == StepState.WITHDRAWN)
    opener = (ChangeRow.state == ChangeState.DONE, col(ChangeRow.draft_opened_by) == col(ChangeRow.id))
    joined = select(ChangeRow.id).join(StepRecordRow, col(StepRecordRow.change) == col(ChangeRow.id))
    return joined.where(*opener, *swap, residue)


_ORDER = bindparam("of_order", type_=String())
# Run by the first step of every run, so the statement is built once.
_HAS_UNFINISHED_WORK = sa.select(
    _undone_openers().where(ChangeRow.order_number == _ORDER).exists()
    | exists().where(
        col(ChangeRow.order_number) == _ORDER,
        col(ChangeRow.id) != bindparam("excluding", type_=String()),
        col(ChangeRow.outcome).is_(None),
        col(ChangeRow.claimed_at).is_not(None),
    )
    | exists().where(
        col(StepRecordRow.order_number) == _ORDER,
        col(StepRecordRow.state) == StepState.WITHDRAWING.value,
        col(StepRecordRow.change) == col(ChangeRow.id),
        col(ChangeRow.outcome).is_not(None),
    )
)


def has_unfinished_work(tx: Session, order: str, excluding: str) -> bool:
    """Whether an order has a claimed request without an outcome, except one, or an undo that is not done."""
    return bool(tx.connection().execute(_HAS_UNFINISHED_WORK, {"of_order": order, "excluding": excluding}).scalar_one())


def residual_steps(tx: Session, order: str | None = None) -> list[StepRecordRow]:
    """Return steps that are to be undone and left something in our database or at a provider, last first.

    They are those of failed changes, where one that is still STARTED may have taken effect at an external provider,
    and every step whose undo has begun and was interrupted before its provider agreed.
    """
    kept = or_(
        col(StepRecordRow.state) == StepState.STARTED,
        _done(StepRecordRow),
        exists().where(col(SeatHoldRow.key) == col(StepRecordRow.key)),
        exists().where(col(StockHoldRow.key) == col(StepRecordRow.key)),
        exists().where(
            col(EmbeddedPaymentRow.key) == col(StepRecordRow.key),
            col(EmbeddedPaymentRow.voided).is_(False),
            col(EmbeddedPaymentRow.captured_minor) == 0,
        ),
    )
    failed = and_(col(ChangeRow.state).in_(_FAILED), _reversible(StepRecordRow), kept)
    # The undo of a change without an outcome is repeated when the change is served again.
    withdrawing = and_(col(ChangeRow.outcome).is_not(None), col(StepRecordRow.state) == StepState.WITHDRAWING)
    query = select(StepRecordRow).join(ChangeRow, col(ChangeRow.id) == col(StepRecordRow.change))
    query = query.where(or_(failed, withdrawing))
    if order is not None:
        query = query.where(StepRecordRow.order_number == order)
    return list(tx.exec(query.order_by(col(StepRecordRow.sequence).desc())))
