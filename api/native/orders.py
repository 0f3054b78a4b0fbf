"""Orders: new, as they stand, and what happened to them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.request_headers import RequestOptions, require_idempotency_key
from api.http.routes import AuthenticatedRoute
from api.native.history_schema import HistoryOut, event_out
from api.native.options_schema import OptionsOut, options_out
from api.native.orders_schema import OrderIn, OrderOut, draft_out, order_out
from api.services.create_order import create_empty
from api.services.read_order import known_number, read_options, read_order
from domain.orders import Order
from store.changes import changes
from store.orders.events import history
from store.orders.orders import find
from store.tables import ChangeRow, OrderRow

router = APIRouter(tags=["orders"], route_class=AuthenticatedRoute)

MOST_EVENTS = 200
"""Of a history, in one answer."""
Parts = Annotated[ApiContext, Depends(api_context)]
_CREATE = responses(
    "MALFORMED_BODY",
    "IDEMPOTENCY_KEY_MISSING",
    "BODY_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "MEMBER_INVALID",
    "IDEMPOTENCY_MISMATCH",
)


@router.post("/v1/orders", name="create_order", status_code=201, response_model=OrderOut, responses=_CREATE)
def create_order(
    request: Request, wanted: OrderIn, ctx: Parts, asked: Annotated[RequestOptions, Depends(require_idempotency_key)]
) -> Response:
    """Make a new, empty order. It has no workflow until something is asked of it."""
    body = wanted.model_dump(mode="json", exclude_unset=True)
    row, replayed = create_empty(request, ctx, wanted, asked, body)
    return _created(row, replayed=replayed)


def _created(row: ChangeRow, *, replayed: bool) -> Response:
    """Return the order as it was made, whatever became of it since."""
    wanted, outcome = OrderIn.model_validate_json(row.request), changes.outcome_of(row)
    number, last_event = row.order_number or "", outcome.order.last_event if outcome else 1
    head = OrderRow(tenant=row.tenant, number=number, created_at=row.created_at, **wanted.model_dump())
    empty = Order.empty(number, wanted.currency, last_event)
    headers = {"Location": f"/v1/orders/{number}", "ETag": f'"e{last_event}"'}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(order_out(head, empty, None).model_dump(mode="json"), 201, headers)


@router.get("/v1/orders/{order}", name="get_order", responses=responses("ORDER_NOT_FOUND"))
async def get_order(order: str, ctx: Parts, answer: Response) -> OrderOut:
    """Return an order with its draft. The ETag is the number of its last event."""
    head, loaded = await run_in_threadpool(read_order, ctx, order)
    answer.headers["ETag"] = f'"e{head.last_event}"'
    progress = await ctx.workflow_client.progress(order) if loaded.draft_opened_by else None
    return order_out(head, loaded, draft_out(loaded, progress))


@router.get("/v1/orders/{order}/change-options", name="get_options", responses=responses("ORDER_NOT_FOUND"))
def get_options(order: str, ctx: Parts) -> OptionsOut:
    """Return what may be done with each line, and its fee, against the last confirmed version."""
    return options_out(read_options(ctx, order)[1])


@router.get("/v1/orders/{order}/history", name="get_history", responses=responses("ORDER_NOT_FOUND", "MEMBER_INVALID"))
def get_history(
    order: str,
    ctx: Parts,
    after: Annotated[int, Query(ge=0, le=10**12, description="The last event number you have.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = 100,
) -> HistoryOut:
    """Return what happened to an order, oldest first: one gapless sequence."""
    with ctx.store.read() as tx:
        if find(tx, known_number(order)) is None:
            raise ProblemError("ORDER_NOT_FOUND")
        events = history(tx, order, after, limit)
    return HistoryOut(events=[event_out(event) for event in events])
