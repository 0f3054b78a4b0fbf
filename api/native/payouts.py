"""Routes for refunds that no card took: an operator pays the customer by hand and records it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.request_headers import RequestOptions, require_idempotency_key
from api.http.routes import AuthenticatedRoute
from api.native.changes_schema import ChangeOut, change_out
from api.native.payouts_schema import PayoutIn
from api.services.change_response import to_http
from api.services.read_order import require_order_number
from api.services.submit_request import submit
from domain.changes import ChangeKind, ChangeRequest
from domain.money import Money, parse_money
from store.orders.orders import find

router = APIRouter(tags=["attention"], route_class=AuthenticatedRoute)

_RUNNING: dict[int | str, dict[str, Any]] = {
    202: {"model": ChangeOut, "description": "Still running; poll the URL in Location."}
}
_PROBLEMS = responses(
    *("MALFORMED_BODY", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MEMBER_INVALID"),
    *("IDEMPOTENCY_KEY_MISSING", "IDEMPOTENCY_MISMATCH", "ORDER_NOT_FOUND", "ORDER_ERASED", "STALE_ORDER"),
    *("ORDER_BUSY", "ORDER_NEEDS_ATTENTION", "STEP_FAILED", "ENGINE_UNREACHABLE", "NEWER_WORKER_NEEDED"),
    *("NOTHING_TO_PAY_OUT", "PAYOUT_DIFFERS", "SECOND_PERSON_NEEDED"),
)


@router.post(
    "/v1/orders/{order}/attention/payout", name="payout", response_model=ChangeOut, responses=_RUNNING | _PROBLEMS
)
async def payout(
    request: Request,
    order: str,
    body: PayoutIn,
    ctx: Annotated[ApiContext, Depends(api_context)],
    options: Annotated[RequestOptions, Depends(require_idempotency_key)],
) -> Response:
    """Record that the refund owed to the customer was paid by hand. No provider is called.

    The amount is all that is owed (`refund_owed`). If it is more than one person may state alone, the response is
    SECOND_PERSON_NEEDED and the request counts as a statement. The payout is recorded once a second client states the
    same within one hour.
    """
    amount = await run_in_threadpool(_amount, ctx, order, body)
    change_request = ChangeRequest(kind=ChangeKind.PAYOUT, amount=amount, reason=body.reason, if_match=options.if_match)
    document = body.model_dump(mode="json", exclude_unset=True)
    row, replayed = await submit(request, ctx, order, change_request, options, document)
    status, headers = to_http(row, options, replayed=replayed)
    return JSONResponse(change_out(row).model_dump(mode="json"), status, headers)


def _amount(ctx: ApiContext, order: str, body: PayoutIn) -> Money:
    with ctx.store.read() as tx:
        order_row = find(tx, require_order_number(order))
    if order_row is None:
        raise ProblemError("ORDER_NOT_FOUND")
    try:
        return parse_money(body.amount, order_row.currency)
    except ValueError as error:
        errors = [{"pointer": "/amount", "code": "amount", "detail": str(error)}]
        raise ProblemError("MEMBER_INVALID", errors) from None
