"""The ledger and the embedded payment provider's own records."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import SQLModel

from store.database.column_types import bounded_text, safe_integer, utc_datetime

_OWING = text("refund_owed_minor > paid_out_minor")


class PaymentRow(SQLModel, table=True):
    """An authorised payment of an order and what became of it, in minor units."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("authorised_minor > 0", name="authorised"),
        CheckConstraint("captured_minor >= 0 AND captured_minor <= authorised_minor", name="captured"),
        CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor + refund_owed_minor <= captured_minor", name="refunded"
        ),
        CheckConstraint("paid_out_minor >= 0 AND paid_out_minor <= refund_owed_minor", name="paid_out"),
        Index("payments_owing", "tenant", sqlite_where=_OWING, postgresql_where=_OWING),
    )

    tenant: str = bounded_text(64)
    order_number: str = bounded_text(20, foreign_key="orders.number", index=True)
    key: str = bounded_text(100, primary_key=True)
    number: int = safe_integer()
    method: str = bounded_text(30)
    reference: str = bounded_text(100)
    authorised_minor: int = safe_integer()
    captured_minor: int = safe_integer(default=0)
    refunded_minor: int = safe_integer(default=0)
    refund_owed_minor: int = safe_integer(default=0)
    """Refunds that the payment refused to take: they are owed to the customer in another way."""
    paid_out_minor: int = safe_integer(default=0)
    """The part of those refunds that was paid by hand."""
    open: bool = True


class LedgerRow(SQLModel, table=True):
    """One movement of money, in minor units. Append-only; its key makes a duplicate impossible.

    `owe` is a refund that its payment refused, and `payout` its payment by hand.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("kind IN ('authorise', 'void', 'capture', 'refund', 'owe', 'payout')", name="kind"),
    )

    tenant: str = bounded_text(64)
    order_number: str = bounded_text(20, foreign_key="orders.number", index=True)
    key: str = bounded_text(200, primary_key=True)
    payment: str = bounded_text(100, foreign_key="payments.key")
    kind: str = bounded_text(20)
    amount_minor: int = safe_integer()
    currency: str = bounded_text(3)
    change: str = bounded_text(64, index=True)
    at: datetime = utc_datetime()


class EmbeddedPaymentRow(SQLModel, table=True):
    """The embedded payment provider's record of one payment, in minor units."""

    __tablename__ = "embedded_payments"
    __table_args__ = (
        CheckConstraint("captured_minor >= 0 AND captured_minor <= authorised_minor", name="captured"),
        CheckConstraint("refunded_minor >= 0 AND refunded_minor <= captured_minor", name="refunded"),
    )

    tenant: str = bounded_text(64)
    key: str = bounded_text(100, primary_key=True)
    currency: str = bounded_text(3)
    token: str = bounded_text(100)
    authorised_minor: int = safe_integer()
    captured_minor: int = safe_integer(default=0)
    refunded_minor: int = safe_integer(default=0)
    voided: bool = False
