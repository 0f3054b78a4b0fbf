"""Operators' requests to record a payout: one that needed a second person is the first person's statement."""

from datetime import datetime

from sqlmodel import Session, col, func, select

from domain.changes import ChangeKind, ChangeState
from domain.dual_control import LOCAL
from domain.money import Money
from domain.refusals import SecondPersonNeeded
from domain.settlement import MoveKind
from store.changes.changes import outcome_of, request_of
from store.tables import ChangeRow, LedgerRow


def stated_by(tx: Session, order: str, amount: Money, after: datetime) -> list[str]:
    """Return the actors who stated after a time that this amount was paid out, latest first."""
    return [row.client or LOCAL for row in statements(tx, order, amount, after)]


def statements(tx: Session, order: str, amount: Money, after: datetime) -> list[ChangeRow]:
    """Return the requests that stated after a time that this amount was paid out, latest first.

    A statement is about what was owed then: one from before the latest refund that no payment took does not count.
    """
    of_order = (LedgerRow.order_number == order, LedgerRow.kind == MoveKind.OWE)
    last_owed_at: datetime | None = tx.exec(select(func.max(col(LedgerRow.at))).where(*of_order)).one()
    since = max(after, last_owed_at or after)
    conditions = (
        ChangeRow.order_number == order,
        ChangeRow.kind == ChangeKind.PAYOUT,
        ChangeRow.state == ChangeState.REFUSED,
        col(ChangeRow.created_at) > since,
    )
    rows = tx.exec(select(ChangeRow).where(*conditions).order_by(col(ChangeRow.created_at).desc()))
    return [row for row in rows if _needed_a_second_person(row) and request_of(row).amount == amount]


def _needed_a_second_person(row: ChangeRow) -> bool:
    outcome = outcome_of(row)
    return outcome is not None and outcome.code == SecondPersonNeeded.code
