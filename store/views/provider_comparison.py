"""One order in both books of money and of seats, side by side."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from store.tables import EmbeddedPaymentRow, LedgerRow, OrderRow, PaymentRow, SeatHoldRow, SeatRow, StepRecordRow
from temporal.names import StepName


def movements(tx: Session, order: OrderRow, limit: int) -> Sequence[LedgerRow]:
    """Return an order's movements of money in our ledger, latest first."""
    query = select(LedgerRow).where(LedgerRow.tenant == order.tenant, LedgerRow.order_number == order.number)
    return tx.exec(query.order_by(col(LedgerRow.at).desc(), col(LedgerRow.key)).limit(limit)).all()


def payments(tx: Session, order: OrderRow) -> list[tuple[str, PaymentRow | None, EmbeddedPaymentRow | None]]:
    """Return an order's payments by key: as we have them and as the embedded bank has them, oldest first.

    Also those only the bank knows of: whatever we ever asked it to set aside for the order.
    """
    ours = tx.exec(
        select(PaymentRow)
        .where(PaymentRow.tenant == order.tenant, PaymentRow.order_number == order.number)
        .order_by(col(PaymentRow.number))
    ).all()
    asked = select(StepRecordRow.key).where(
        StepRecordRow.order_number == order.number, StepRecordRow.step == StepName.AUTHORISE_PAYMENT
    )
    keys = dict.fromkeys([*(row.key for row in ours), *tx.exec(asked)])
    bank = select(EmbeddedPaymentRow).where(
        EmbeddedPaymentRow.tenant == order.tenant, col(EmbeddedPaymentRow.key).in_(keys)
    )
    theirs = {row.key: row for row in tx.exec(bank)}
    mine = {row.key: row for row in ours}
    return [(key, mine.get(key), theirs.get(key)) for key in keys if key in mine or key in theirs]


def holds(tx: Session, tenant: str, references: Sequence[str]) -> dict[str, SeatHoldRow]:
    """Return what the seat inventory has under some references."""
    query = select(SeatHoldRow).where(SeatHoldRow.tenant == tenant, col(SeatHoldRow.reference).in_(references))
    return {row.reference: row for row in tx.exec(query)} if references else {}


def services_with_seats(tx: Session, tenant: str, services: Sequence[str]) -> set[str]:
    """Return those of some departures whose seats the embedded inventory has."""
    query = select(SeatRow.service).where(SeatRow.tenant == tenant, col(SeatRow.service).in_(set(services)))
    return set(tx.exec(query.distinct())) if services else set()
