"""The routes of Entur's sales API."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.entur import translation
from api.entur.client_headers import CHANNEL, POS, EnturRoute, documented, required
from api.entur.errors import errors
from api.entur.options_schema import ChangeOptionOut, options_out
from api.entur.orders_schema import OrderOut, order_out
from api.entur.requests import AddSupplementProductsRequest, ChangeOrderLinesRequest, ReserveOffersRequest
from api.entur.responses import OrderLineIdsAndReservationIds, answer_of
from api.errors.problems import ProblemError
from api.http.request_headers import RequestOptions, with_default_wait
from api.services.change_response import to_http
from api.services.create_order import NewOrder
from api.services.read_order import read_options, read_order
from api.services.submit_request import submit
from api.settings import EnturSettings
from domain.changes import ChangeKind, ChangeRequest
from store.orders import offer_bundles
from store.tables import ChangeRow

PREFIX = "/sales"
Parts = Annotated[ApiContext, Depends(api_context)]

_RUNNING: dict[int | str, dict[str, Any]] = {202: {"description": "Still running after 30 seconds: see Location."}}
_BODY = ("MALFORMED_BODY", "MEMBER_INVALID", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "IDEMPOTENCY_MISMATCH")
_ASK = (
    "ORDER_NOT_FOUND",
    "ORDER_ERASED",
    "STALE_ORDER",
    "ORDER_NEEDS_ATTENTION",
    "ORDER_BUSY",
    "STEP_FAILED",
    "ENGINE_UNREACHABLE",
)
_LINES = (
    "ORDER_CHANGED_TOO_OFTEN",
    "LINE_NOT_FOUND",
    "LINE_REMOVED",
    "TOO_MANY_LINES",
    "SUPPLEMENT_NOT_OFFERED",
    "SEATING_CHANGE_NOT_SUPPORTED",
    "SERVICE_DEPARTED",
)
_OFFER = (
    "OFFER_NOT_FOUND",
    "OFFER_EXPIRED",
    "SOLD_OUT",
    "TRAVELLER_NOT_IN_OFFER",
    "TRAVELLER_COUNT_OUT_OF_RANGE",
    "TRAVELLER_DIFFERS",
    "CURRENCY_MISMATCH",
    "DUPLICATE_PRODUCT",
    "ORDER_HOLDS_TOO_MANY",
    "CLIENT_HOLDS_TOO_MANY",
)


router = APIRouter(tags=["entur"], route_class=EnturRoute, dependencies=[Depends(documented)])


Asked = Annotated[RequestOptions, Depends(with_default_wait)]


@router.post(
    f"{PREFIX}/v1/reserve-offers",
    name="reserve_offers",
    response_model=OrderLineIdsAndReservationIds,
    responses=_RUNNING | errors(*_BODY, *_ASK, *_LINES, *_OFFER, "COUNT_WITH_TRAVELLERS", "COUNT_WITH_LINE"),
)
async def reserve_offers(request: Request, wanted: ReserveOffersRequest, ctx: Parts, options: Asked) -> Response:
    """Add offers to an order, or to a new one when none is named: all of them or none."""
    found = await run_in_threadpool(_bundles, ctx, [each.offer_id for each in wanted.offer_configurations])
    filled = translation.reserving(wanted.offer_configurations, found)
    order: str | NewOrder = wanted.order_id or NewOrder(
        currency=found[wanted.offer_configurations[0].offer_id].currency,
        distribution_channel=required(request, CHANNEL),
        point_of_sale=required(request, POS),
    )
    return await _change(request, ctx, order, filled, options, wanted)


@router.post(
    f"{PREFIX}/v1/update-order",
    name="update_order",
    response_model=OrderLineIdsAndReservationIds,
    responses=_RUNNING | errors(*_BODY, *_ASK, *_LINES, *_OFFER, "LINES_OVERLAP", "SELECTED_LINES_MISMATCH"),
)
async def update_order(request: Request, wanted: ChangeOrderLinesRequest, ctx: Parts, options: Asked) -> Response:
    """Replace order lines, n to m: all of them or none. Fees and differences are against the confirmed version."""
    found = await run_in_threadpool(_bundles, ctx, [each.offer_id for each in wanted.offer_configurations])
    filled = translation.changing(wanted.offer_configurations, found, refund=wanted.refund_price_difference or False)
    return await _change(request, ctx, wanted.order_id, filled, options, wanted)


async def add_supplements(
    request: Request, wanted: AddSupplementProductsRequest, ctx: Parts, options: Asked
) -> Response:
    """Add supplements to order lines: all of them or none. Those that change seating are refused."""
    named = {each.offer_id for each in wanted.offer_configurations}
    if named - (await run_in_threadpool(_bundles, ctx, list(named))).keys():
        raise ProblemError("OFFER_NOT_FOUND")
    filled = translation.supplementing(wanted.offer_configurations)
    return await _change(request, ctx, wanted.order_id, filled, options, wanted)


@router.post(
    f"{PREFIX}/v1/orders/{{order}}/orderlines/confirm",
    name="confirm_order_lines",
    response_model=OrderOut,
    responses=_RUNNING | errors("IDEMPOTENCY_MISMATCH", *_ASK, "BALANCE_NOT_ZERO", "PAYMENT_REFUSED", "HOLD_LOST"),
)
async def confirm(request: Request, order: str, ctx: Parts, options: Asked) -> Response:
    """Confirm the draft; the balance must be settled. A confirmed order is answered as it stands: 200."""
    return await _whole(request, ctx, order, ChangeRequest(kind=ChangeKind.CONFIRM), options)


@router.post(
    f"{PREFIX}/v1/orders/{{order}}/reset",
    name="reset",
    response_model=OrderOut,
    responses=_RUNNING | errors("IDEMPOTENCY_MISMATCH", *_ASK),
)
async def reset(request: Request, order: str, ctx: Parts, options: Asked) -> Response:
    """Take the draft back: the last confirmed version stands again. Without a draft nothing happens: 200."""
    return await _whole(request, ctx, order, ChangeRequest(kind=ChangeKind.DISCARD), options)


@router.get(f"{PREFIX}/v1/orders/{{order}}", name="get_sales_order", responses=errors("ORDER_NOT_FOUND"))
def get_order(order: str, ctx: Parts) -> OrderOut:
    """Return an order as it stands, its draft included."""
    return order_out(*read_order(ctx, order))


@router.get(
    f"{PREFIX}/v1beta/change-options",
    name="get_change_options",
    response_model_exclude_none=True,
    responses=errors("ORDER_NOT_FOUND", "MEMBER_INVALID"),
)
def get_change_options(orderId: str, ctx: Parts) -> list[ChangeOptionOut]:  # noqa: N803 - Entur's name
    """Return what may be changed, with its fee, against the last confirmed version."""
    return [options_out(*read_options(ctx, orderId))]


def routes(settings: EnturSettings) -> APIRouter:
    """Return all routes; where supplements are added is a setting."""
    made = APIRouter()
    made.include_router(router)
    made.add_api_route(
        PREFIX + settings.supplement_path,
        add_supplements,
        name="add_supplements",
        methods=["POST"],
        tags=["entur"],
        dependencies=[Depends(documented)],
        route_class_override=EnturRoute,
        response_model=OrderLineIdsAndReservationIds,
        responses=_RUNNING | errors(*_BODY, *_ASK, *_LINES, "OFFER_NOT_FOUND"),
    )
    return made


def _bundles(ctx: ApiContext, offers: list[str]) -> translation.Bundles:
    with ctx.store.read() as tx:
        found = offer_bundles.of_offers(tx, offers)
    if set(offers) - found.keys():
        raise ProblemError("OFFER_NOT_FOUND")
    return found


async def _change(
    request: Request,
    ctx: ApiContext,
    order: str | NewOrder,
    filled: ChangeRequest,
    options: RequestOptions,
    sent: BaseModel,
) -> Response:
    body = sent.model_dump(mode="json", by_alias=True, exclude_unset=True)
    row, status, headers = await _asked(request, ctx, order, filled, options, body)
    return JSONResponse(answer_of(row).model_dump(mode="json", by_alias=True), status, headers)


async def _whole(
    request: Request, ctx: ApiContext, order: str, filled: ChangeRequest, options: RequestOptions
) -> Response:
    _, status, headers = await _asked(request, ctx, order, filled, options, None)
    stands = order_out(*await run_in_threadpool(read_order, ctx, order))
    return JSONResponse(stands.model_dump(mode="json", by_alias=True), status, headers)


async def _asked(
    request: Request, ctx: ApiContext, order: str | NewOrder, filled: ChangeRequest, options: RequestOptions, body: Any
) -> tuple[ChangeRow, int, dict[str, str]]:
    filled = filled.model_copy(update={"if_match": options.if_match})
    row, replayed = await submit(request, ctx, order, filled, options, body)
    return row, *to_http(row, options, replayed=replayed)
