"""The route by which an operator closes the case of a dispute."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.errors.problems import responses
from api.http.routes import AuthenticatedRoute
from api.native.amounts import Amount, amount
from api.services.close_dispute import close_dispute as close
from api.services.read_order import require_order_number
from domain.dual_control import Reason
from domain.model import Model
from store.tables import DisputeRow

router = APIRouter(tags=["attention"], route_class=AuthenticatedRoute)

_PROBLEMS = responses(
    *("MALFORMED_BODY", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MEMBER_INVALID"),
    *("ORDER_NOT_FOUND", "DISPUTE_NOT_OPEN"),
)


class DisputeOut(BaseModel):
    """A captured payment that its cardholder disputes at the bank. It is answered at the payment provider."""

    order: str
    dispute: str = Field(description="The payment provider's name of the dispute.")
    payment: str = Field(description="Our key of the payment.")
    amount: Amount
    currency: str
    since: datetime = Field(description="When we were notified of it.")


def dispute_out(row: DisputeRow) -> DisputeOut:
    """Convert an open dispute."""
    return DisputeOut(
        order=row.order_number,
        dispute=row.id,
        payment=row.payment,
        amount=amount(row.amount),
        currency=row.currency,
        since=row.opened_at,
    )


class CloseDisputeIn(Model):
    """The dispute whose case is closed, and why. The reason is recorded on the order: no names of people."""

    dispute: Annotated[str, Field(strict=True, min_length=1, max_length=100, examples=["dp_1"])]
    reason: Annotated[Reason, Field(examples=["accepted, ticket 4711"])]


@router.post("/v1/orders/{order}/attention/close-dispute", name="close_dispute", status_code=204, responses=_PROBLEMS)
async def close_dispute(order: str, body: CloseDisputeIn, ctx: Annotated[ApiContext, Depends(api_context)]) -> None:
    """Close the case of an open dispute. No provider is called and no money moves.

    How the dispute ends is recorded besides, when the provider notifies us of it.
    """
    await run_in_threadpool(close, ctx, require_order_number(order), body.dispute, body.reason)
