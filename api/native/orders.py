"""Routes that create and read orders and their history."""

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
from api.services.read_order import read_options, read_order, require_order_number
from domain.orders import Order
from store.changes import changes
from store.orders.events import history
from store.orders.orders import find
from store.tables import ChangeRow, OrderRow

router = APIRouter(tags=["orders"], route_class=AuthenticatedRoute)

MAX_EVENTS = 200
"""The most events in one response of the history."""
Context = Annotated[ApiContext, Depends(api_context)]
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
    request: Request, body: OrderIn, ctx: Context, options: Annotated[RequestOptions, Depends(require_idempotency_key)]
) -> Response:
    """Create an empty order. Its workflow starts with its first change."""
    document = body.model_dump(mode="json", exclude_unset=True)
    row, replayed = create_empty(request, ctx, body, options, document)
    return _created(row, replayed=replayed)


def _created(row: ChangeRow, *, replayed: bool) -> Response:
    """Return the order as it was created, regardless of later changes."""
    new_order, outcome = OrderIn.model_validate_json(row.request), changes.outcome_of(row)
    number, last_event = row.order_number or "", outcome.order.last_event if outcome else 1
    order_row = OrderRow(tenant=row.tenant, number=number, created_at=row.created_at, **new_order.row_members)
    empty = Order.empty(number, new_order.currency, last_event)
    headers = {"Location": f"/v1/orders/{number}", "ETag": f'"e{last_event}"'}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(order_out(order_row, empty, None).model_dump(mode="json"), 201, headers)


@router.get("/v1/orders/{order}", name="get_order", responses=responses("ORDER_NOT_FOUND"))
async def get_order(order: str, ctx: Context, response: Response) -> OrderOut:
    """Return an order with its draft. The ETag contains the number of its last event."""
    order_row, loaded = await run_in_threadpool(read_order, ctx, order)
    response.headers["ETag"] = f'"e{order_row.last_event}"'
    progress = await ctx.workflow_client.progress(order) if loaded.draft_opened_by else None
    return order_out(order_row, loaded, draft_out(loaded, progress))


@router.get(
    "/v1/orders/{order}/change-options",
    name="get_options",
    responses=responses("ORDER_NOT_FOUND", "PROVIDER_UNAVAILABLE"),
)
def get_options(order: str, ctx: Context) -> OptionsOut:
    """Return the possible changes of each line of the last confirmed version, with their fees."""
    return options_out(read_options(ctx, order)[1])


@router.get("/v1/orders/{order}/history", name="get_history", responses=responses("ORDER_NOT_FOUND", "MEMBER_INVALID"))
def get_history(
    order: str,
    ctx: Context,
    after: Annotated[int, Query(ge=0, le=10**12, description="The number of the last event that the client has.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 100,
) -> HistoryOut:
    """Return the events of an order, oldest first, numbered without gaps."""
    with ctx.store.read() as tx:
        if find(tx, require_order_number(order)) is None:
            raise ProblemError("ORDER_NOT_FOUND")
        events = history(tx, order, after, limit)
        senders = changes.senders(tx, {event.change for event in events if event.change})
    return HistoryOut(events=[event_out(event, senders.get(event.change or "")) for event in events])
