"""One order's payments, seats and units in our database beside the embedded providers' records."""

from collections.abc import Sequence

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


def payments(tx: Session, order: OrderRow) -> list[tuple[str, PaymentRow | None, EmbeddedPaymentRow | None]]:
    """Return an order's payments by key, in our ledger and at the embedded provider, oldest first.

    Payments that only the provider knows are included: every authorisation that a step of the order requested.
    """
    ours = tx.exec(
        select(PaymentRow)
        .where(PaymentRow.tenant == order.tenant, PaymentRow.order_number == order.number)
        .order_by(col(PaymentRow.number))
    ).all()
    requested = select(StepRecordRow.key).where(
        StepRecordRow.order_number == order.number, StepRecordRow.step == StepName.AUTHORISE_PAYMENT
    )
    keys = dict.fromkeys([*(row.key for row in ours), *tx.exec(requested)])
    provider_rows = select(EmbeddedPaymentRow).where(
        EmbeddedPaymentRow.tenant == order.tenant, col(EmbeddedPaymentRow.key).in_(keys)
    )
    at_provider = {row.key: row for row in tx.exec(provider_rows)}
    in_ledger = {row.key: row for row in ours}
    return [(key, in_ledger.get(key), at_provider.get(key)) for key in keys if key in in_ledger or key in at_provider]


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
