"""Request and response models of refunds owed to customers in the native API."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.native.amounts import Amount, AmountIn, amount
from domain.dual_control import LOCAL, Reason
from domain.model import Model
from store.changes.changes import request_of
from store.tables import ChangeRow
from store.views.work_queue import RefundOwed


class PayoutIn(Model):
    """What was paid to the customer by hand, and how. The reason is recorded on the order: no names of people."""

    amount: AmountIn = Field(description="All that is owed, in the order's currency.")
    reason: Reason

    model_config = {"json_schema_extra": {"examples": [{"amount": "249.00", "reason": "bank transfer, ticket 4711"}]}}


class StatementOut(BaseModel):
    """An operator's statement that something was done by hand; a second person has not confirmed it yet."""

    actor: str = Field(description="The client of the operator.")
    reason: str
    at: datetime


class RefundOwedOut(BaseModel):
    """A refund that no card took. It is owed to the customer until an operator records that it was paid by hand."""

    order: str
    amount: Amount
    currency: str
    change: str = Field(description="The id of the latest change whose refund no card took whole.")
    since: datetime
    statements: list[StatementOut] = Field(description="Statements of the last hour that it was paid, latest first.")


def refund_owed_out(owing: RefundOwed, statements: list[ChangeRow]) -> RefundOwedOut:
    """Convert a refund owed, with the requests that state its payment."""
    return RefundOwedOut(
        order=owing.order,
        amount=amount(owing.amount),
        currency=owing.amount.currency,
        change=owing.change,
        since=owing.since,
        statements=[
            StatementOut(actor=row.client or LOCAL, reason=request_of(row).reason or "", at=row.created_at)
            for row in statements
        ],
    )
