"""Our ledger's side of a comparison with the book of an external payment provider: sums of payments by key."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from domain.money import Money
from domain.moves import MoveState
from domain.settlement import MoveKind
from store.tables import ChangeRow, LedgerRow, MoveRow, OrderRow, PaymentRow


@dataclass(frozen=True)
class Sums:
    """The amounts of one payment, in our ledger or in the provider's records."""

    authorised: Money
    captured: Money
    refunded: Money
    open: bool
    """Whether the payment is neither captured nor voided."""


def ledger_sums(tx: Session, tenant: str, key: str | None = None) -> dict[str, Sums]:
    """Return the sums of a tenant's payments by key: of all, or of one."""
    query = select(PaymentRow, OrderRow.currency).join(OrderRow, col(OrderRow.number) == col(PaymentRow.order_number))
    query = query.where(PaymentRow.tenant == tenant)
    if key is not None:
        query = query.where(PaymentRow.key == key)
    return {row.key: sums_of_row(row, currency) for row, currency in tx.exec(query)}


def sums_of_row(row: PaymentRow, currency: str) -> Sums:
    """Return the sums of one payment in our ledger."""
    amounts = (row.authorised_minor, row.captured_minor, row.refunded_minor)
    authorised, captured, refunded = (Money(minor, currency) for minor in amounts)
    return Sums(authorised, captured, refunded, row.open)


def is_known(tx: Session, key: str) -> bool:
    """Whether any tenant has a payment under a key."""
    return tx.exec(select(PaymentRow.key).where(PaymentRow.key == key)).first() is not None


def is_moving(tx: Session, key: str) -> bool:
    """Whether a payment has a move without an answer, or a refund that is pending: its books may differ so long."""
    moving = (MoveRow.payment == key, col(MoveRow.state).in_((MoveState.STARTED, MoveState.PENDING)))
    return tx.exec(select(MoveRow.key).where(*moving).limit(1)).first() is not None


def has_ended(tx: Session, key: str) -> bool:
    """Whether a payment's authorisation has ended by itself, as far as our ledger knows."""
    payment = tx.get(PaymentRow, key)
    if payment is None:
        return False
    # The order is redundant beside the payment, but it has an index.
    lost = (LedgerRow.order_number == payment.order_number, LedgerRow.payment == key, LedgerRow.kind == MoveKind.LOST)
    return tx.exec(select(LedgerRow.key).where(*lost)).first() is not None


def is_in_progress(tx: Session, order: str) -> bool:
    """Whether a request of an order is running, so that its books may legitimately differ."""
    running = (col(ChangeRow.outcome).is_(None), col(ChangeRow.claimed_at).is_not(None))
    return tx.exec(select(ChangeRow.id).where(ChangeRow.order_number == order, *running).limit(1)).first() is not None
