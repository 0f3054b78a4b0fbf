"""One order's payments, seats and units in our database beside the embedded providers' records."""

from collections.abc import Collection, Sequence

from sqlmodel import Session, col, select

from store.tables import (
    EmbeddedPaymentRow,
    LedgerRow,
    OrderRow,
    PaymentRow,
    SeatHoldRow,
    SeatRow,
    StepRecordRow,
    StockHoldRow,
)
from temporal.names import StepName


def movements(tx: Session, order: OrderRow, limit: int) -> Sequence[LedgerRow]:
    """Return an order's ledger entries, latest first."""
    query = select(LedgerRow).where(LedgerRow.tenant == order.tenant, LedgerRow.order_number == order.number)
    return tx.exec(query.order_by(col(LedgerRow.at).desc(), col(LedgerRow.key)).limit(limit)).all()


def payments(tx: Session, order: OrderRow) -> dict[str, PaymentRow | None]:
    """Return an order's payments by key, oldest first; None for a key that our ledger does not have.

    A provider may know a payment that we do not: every authorisation that a step of the order requested is included.
    """
    ours = tx.exec(
        select(PaymentRow)
        .where(PaymentRow.tenant == order.tenant, PaymentRow.order_number == order.number)
        .order_by(col(PaymentRow.number))
    ).all()
    requested = select(StepRecordRow.key).where(
        StepRecordRow.order_number == order.number, StepRecordRow.step == StepName.AUTHORISE_PAYMENT
    )
    return {row.key: row for row in ours} | {
        key: None for key in tx.exec(requested) if key not in {o.key for o in ours}
    }


def embedded_payments(tx: Session, tenant: str, keys: Collection[str]) -> dict[str, EmbeddedPaymentRow]:
    """Return the embedded provider's payments by key."""
    query = select(EmbeddedPaymentRow).where(EmbeddedPaymentRow.tenant == tenant, col(EmbeddedPaymentRow.key).in_(keys))
    return {row.key: row for row in tx.exec(query)} if keys else {}


def holds(tx: Session, tenant: str, references: Sequence[str]) -> dict[str, SeatHoldRow]:
    """Return the embedded inventory's holds by reference."""
    query = select(SeatHoldRow).where(SeatHoldRow.tenant == tenant, col(SeatHoldRow.reference).in_(references))
    return {row.reference: row for row in tx.exec(query)} if references else {}


def stock_holds(tx: Session, tenant: str, references: Sequence[str]) -> dict[str, StockHoldRow]:
    """Return the embedded inventory's holds on units by reference."""
    query = select(StockHoldRow).where(StockHoldRow.tenant == tenant, col(StockHoldRow.reference).in_(references))
    return {row.reference: row for row in tx.exec(query)} if references else {}


def services_with_seats(tx: Session, tenant: str, services: Sequence[str]) -> set[str]:
    """Return those of some departures whose seats are in the embedded inventory."""
    query = select(SeatRow.service).where(SeatRow.tenant == tenant, col(SeatRow.service).in_(set(services)))
    return set(tx.exec(query.distinct())) if services else set()
