"""The ledger and the embedded payment provider's own records."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import SQLModel

from store.database.column_types import bounded_text, safe_integer, utc_datetime

_OWING = text("refund_owed_minor > paid_out_minor")
_STARTED, _PENDING = text("state = 'started'"), text("state = 'pending'")


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
    """The provider's name for the authorisation, handed back with each act on it."""
    capture_reference: str | None = bounded_text(100, default=None)
    """The provider's name for the capture; None before it, and for one that was done by hand."""
    authorised_minor: int = safe_integer()
    captured_minor: int = safe_integer(default=0)
    refunded_minor: int = safe_integer(default=0)
    refund_owed_minor: int = safe_integer(default=0)
    """Refunds that the payment refused to take: they are owed to the customer in another way."""
    paid_out_minor: int = safe_integer(default=0)
    """The part of those refunds that was paid by hand."""
    open: bool = True
    expires_at: datetime | None = utc_datetime(default=None)
    """When the authorisation ends by itself; None: it does not."""


class LedgerRow(SQLModel, table=True):
    """One movement of money, in minor units. Append-only; its key makes a duplicate impossible.

    `owe` is a refund that its payment refused, and `payout` its payment by hand. `refund_failed` takes a refund off
    that was pending and not paid. `lost` is an authorisation that ended by itself.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint(
            "kind IN ('authorise', 'void', 'lost', 'capture', 'refund', 'refund_failed', 'owe', 'payout')", name="kind"
        ),
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


class MoveRow(SQLModel, table=True):
    """One move of a settlement or of a reversal, in minor units, frozen before the first of them is made."""

    __tablename__ = "payment_moves"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("kind IN ('capture', 'refund', 'void', 'owe')", name="kind"),
        CheckConstraint("state IN ('planned', 'started', 'done', 'pending', 'refused', 'failed')", name="state"),
        Index("payment_moves_started", "order_number", sqlite_where=_STARTED, postgresql_where=_STARTED),
        Index("payment_moves_pending", "tenant", sqlite_where=_PENDING, postgresql_where=_PENDING),
    )

    tenant: str = bounded_text(64)
    order_number: str = bounded_text(20, foreign_key="orders.number")
    change: str = bounded_text(64, index=True)
    step: str = bounded_text(40)
    number: int = safe_integer()
    """Counted per step from 1; a refund instead of one that was refused has the next one."""
    back: bool = False
    """Whether it is the way back of the capture with this number."""
    key: str = bounded_text(100, primary_key=True)
    """The key under which the provider is asked: that of the step and the number, `/back` for a way back."""
    kind: str = bounded_text(20)
    payment: str = bounded_text(100, foreign_key="payments.key", index=True)
    amount_minor: int = safe_integer()
    currency: str = bounded_text(3)
    state: str = bounded_text(20)


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
