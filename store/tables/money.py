"""Our book of payments, and the embedded provider's own."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import SQLModel

from store.database.column_types import moment, whole, words


class PaymentRow(SQLModel, table=True):
    """Money once set aside for an order and what became of it."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("authorised_minor > 0", name="authorised"),
        CheckConstraint("captured_minor >= 0 AND captured_minor <= authorised_minor", name="captured"),
        CheckConstraint("refunded_minor >= 0 AND refunded_minor <= captured_minor", name="refunded"),
    )

    tenant: str = words(64)
    order_number: str = words(20, foreign_key="orders.number", index=True)
    key: str = words(100, primary_key=True)
    number: int = whole()
    method: str = words(30)
    reference: str = words(100)
    authorised_minor: int = whole()
    captured_minor: int = whole(default=0)
    refunded_minor: int = whole(default=0)
    open: bool = True


class LedgerRow(SQLModel, table=True):
    """One movement of money. Append-only; its key makes a second one impossible."""

    __tablename__ = "ledger"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("kind IN ('authorise', 'void', 'capture', 'refund')", name="kind"),
    )

    tenant: str = words(64)
    order_number: str = words(20, foreign_key="orders.number", index=True)
    key: str = words(200, primary_key=True)
    payment: str = words(100, foreign_key="payments.key")
    kind: str = words(20)
    amount_minor: int = whole()
    currency: str = words(3)
    change: str = words(64, index=True)
    at: datetime = moment()


class BankRow(SQLModel, table=True):
    """The embedded payment provider's own account of one payment."""

    __tablename__ = "bank"
    __table_args__ = (
        CheckConstraint("captured_minor >= 0 AND captured_minor <= authorised_minor", name="captured"),
        CheckConstraint("refunded_minor >= 0 AND refunded_minor <= captured_minor", name="refunded"),
    )

    tenant: str = words(64)
    key: str = words(100, primary_key=True)
    currency: str = words(3)
    token: str = words(100)
    authorised_minor: int = whole()
    captured_minor: int = whole(default=0)
    refunded_minor: int = whole(default=0)
    voided: bool = False
