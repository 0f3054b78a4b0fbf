"""What runs that are gone have left: drafts, drafts half taken back, and the rest of changes that failed."""

import sqlalchemy as sa
from sqlalchemy import ColumnElement, String, and_, bindparam, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from domain.changes import ChangeState
from store.changes.step_records import REVERSIBLE, StepState
from store.tables import ChangeRow, EmbeddedPaymentRow, SeatHoldRow, StepRecordRow
from temporal.names import StepName

_FAILED = (ChangeState.REFUSED, ChangeState.UNDONE)


def _done(effect: type[StepRecordRow]) -> ColumnElement[bool]:
    return and_(col(effect.state) == StepState.DONE, col(effect.refusal).is_(None))


def of_draft(tx: Session, order: str, draft: str) -> list[StepRecordRow]:
    """Return what the changes of an open draft did and may have to take back, first done first."""
    mine = (ChangeRow.order_number == order, ChangeRow.draft_opened_by == draft, ChangeRow.state == "done")
    query = select(StepRecordRow).join(ChangeRow, col(ChangeRow.id) == col(StepRecordRow.change)).where(*mine)
    query = query.where(_done(StepRecordRow))
    return list(tx.exec(query.order_by(col(ChangeRow.finished_at), col(StepRecordRow.number))))


def partially_undone_draft(tx: Session, order: str) -> str | None:
    """Return the draft of an order that is closed on the order but not all taken back, by the change that opened it."""
    return tx.exec(_openers_taken_back().where(ChangeRow.order_number == order)).first()


def orders_partially_undone(tx: Session) -> list[str]:
    """Return the orders that have such a draft."""
    openers = _openers_taken_back().subquery()
    orders = tx.exec(select(ChangeRow.order_number).join(openers, openers.c.id == col(ChangeRow.id)))
    return [order for order in orders if order]


def _openers_taken_back() -> SelectOfScalar[str]:
    """Return the query for changes that opened a draft and were taken back, while others of the draft were not."""
    rest, other = aliased(StepRecordRow), aliased(ChangeRow)
    # By the order, which has an index, though the draft says it all.
    of_draft = (col(other.order_number) == col(ChangeRow.order_number), col(other.draft_opened_by) == col(ChangeRow.id))
    done = (*of_draft, col(other.state) == ChangeState.DONE, _done(rest))
    left = exists().where(col(rest.change) == col(other.id), col(rest.step).in_(REVERSIBLE), *done)
    swap = (StepRecordRow.step == StepName.SWAP_OFFER_BUNDLE, StepRecordRow.state == StepState.WITHDRAWN)
    opener = (ChangeRow.state == ChangeState.DONE, col(ChangeRow.draft_opened_by) == col(ChangeRow.id))
    joined = select(ChangeRow.id).join(StepRecordRow, col(StepRecordRow.change) == col(ChangeRow.id))
    return joined.where(*opener, *swap, left)


_ORDER = bindparam("of_order", type_=String())
# Asked by the first step of every run: built once.
_HALF_DONE = sa.select(
    _openers_taken_back().where(ChangeRow.order_number == _ORDER).exists()
    | exists().where(
        col(ChangeRow.order_number) == _ORDER,
        col(ChangeRow.id) != bindparam("but", type_=String()),
        col(ChangeRow.outcome).is_(None),
        col(ChangeRow.claimed_at).is_not(None),
    )
)


def has_unfinished_work(tx: Session, order: str, but: str) -> bool:
    """Whether an order has a request that a run took up and none has ended, but one; or a draft half taken back."""
    return bool(tx.connection().execute(_HALF_DONE, {"of_order": order, "but": but}).scalar_one())


def residual_steps(tx: Session, order: str | None = None) -> list[StepRecordRow]:
    """Return steps of changes that failed of which something is left, last first: in our books or a provider's."""
    kept = or_(
        col(StepRecordRow.state) == StepState.STARTED,
        _done(StepRecordRow),
        exists().where(col(SeatHoldRow.key) == col(StepRecordRow.key)),
        exists().where(
            col(EmbeddedPaymentRow.key) == col(StepRecordRow.key),
            col(EmbeddedPaymentRow.voided).is_(False),
            col(EmbeddedPaymentRow.captured_minor) == 0,
        ),
    )
    failed = (col(ChangeRow.state).in_(_FAILED), col(StepRecordRow.step).in_(REVERSIBLE))
    query = select(StepRecordRow).join(ChangeRow, col(ChangeRow.id) == col(StepRecordRow.change)).where(*failed, kept)
    if order is not None:
        query = query.where(StepRecordRow.order_number == order)
    return list(tx.exec(query.order_by(col(ChangeRow.finished_at).desc(), col(StepRecordRow.number).desc())))
