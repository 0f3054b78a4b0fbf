"""Routes of Entur's sales API."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.entur import translation
from api.entur.client_headers import CHANNEL, POS, EnturRoute, check_channel, require_header
from api.entur.errors import errors
from api.entur.groups import Bundles
from api.entur.options_schema import ChangeOptionOut, options_out
from api.entur.orders_schema import OrderOut, order_out
from api.entur.requests import (
    AddSupplementProductsRequest,
    ChangeOrderLinesRequest,
    Configuration,
    ConfirmOrderLinesRequest,
    ReserveOffersRequest,
)
from api.entur.responses import OrderLineIdsAndReservationIds, response_of
from api.entur.supplement_offers import check_offers
from api.errors.problems import ProblemError
from api.http.request_headers import RequestOptions, with_default_wait
from api.services.change_response import to_http
from api.services.create_order import NewOrder
from api.services.read_answer import present_order, read_answer
from api.services.read_order import read_options
from api.services.submit_request import find_previous, submit
from api.settings import EnturSettings
from domain.changes import ChangeKind, ChangeRequest
from store.orders import offer_bundles
from store.tables import ChangeRow

PREFIX = "/sales"
Context = Annotated[ApiContext, Depends(api_context)]

_RUNNING: dict[int | str, dict[str, Any]] = {
    202: {"description": "Still running after 30 seconds; poll Location for the result."}
}
_BODY = ("MALFORMED_BODY", "MEMBER_INVALID", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "IDEMPOTENCY_MISMATCH")
_SUBMIT = (
    "ORDER_NOT_FOUND",
    "ORDER_ERASED",
    "STALE_ORDER",
    "ORDER_NEEDS_ATTENTION",
    "ORDER_BUSY",
    "STEP_FAILED",
    "ENGINE_UNREACHABLE",
    "NEWER_WORKER_NEEDED",
    "PROVIDER_UNAVAILABLE",
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


router = APIRouter(tags=["entur"], route_class=EnturRoute, dependencies=[Depends(check_channel)])


Options = Annotated[RequestOptions, Depends(with_default_wait)]


@router.post(
    f"{PREFIX}/v1/reserve-offers",
    name="reserve_offers",
    response_model=OrderLineIdsAndReservationIds,
    responses=_RUNNING | errors(*_BODY, *_SUBMIT, *_LINES, *_OFFER, "COUNT_WITH_TRAVELLERS", "COUNT_WITH_LINE"),
)
async def reserve_offers(request: Request, body: ReserveOffersRequest, ctx: Context, options: Options) -> Response:
    """Add offers to an order, or to a new order if none is given: all of them or none."""
    bundles = await run_in_threadpool(_bundles, ctx, body.offer_configurations)
    change_request = translation.reserve_offers(body.offer_configurations, bundles)
    order: str | NewOrder = body.order_id or NewOrder(
        currency=bundles[body.offer_configurations[0].offer_id].currency,
        distribution_channel=require_header(request, CHANNEL),
        point_of_sale=require_header(request, POS),
    )
    return await _respond_with_change(request, ctx, order, change_request, options, body)


@router.post(
    f"{PREFIX}/v1/update-order",
    name="update_order",
    response_model=OrderLineIdsAndReservationIds,
    responses=_RUNNING | errors(*_BODY, *_SUBMIT, *_LINES, *_OFFER, "LINES_OVERLAP", "SELECTED_LINES_MISMATCH"),
)
async def update_order(request: Request, body: ChangeOrderLinesRequest, ctx: Context, options: Options) -> Response:
    """Replace order lines, n by m: all of them or none. Fees and differences refer to the confirmed version."""
    bundles = await run_in_threadpool(_bundles, ctx, body.offer_configurations)
    change_request = translation.update_order(body.offer_configurations, bundles, refund=body.refund_price_difference)
    return await _respond_with_change(request, ctx, body.order_id, change_request, options, body)


async def add_supplements(
    request: Request, body: AddSupplementProductsRequest, ctx: Context, options: Options
) -> Response:
    """Add supplements to order lines: all of them or none. Supplements that change seats are refused.

    The offer is the line's own, expired or not, or another one of the line's product and service.
    """
    # A repeated request gets its first answer, whatever the line is by now.
    if not await run_in_threadpool(find_previous, request, ctx, options):
        await run_in_threadpool(check_offers, ctx, body)
    change_request = translation.add_supplements(body.offer_configurations)
    return await _respond_with_change(request, ctx, body.order_id, change_request, options, body)


@router.post(
    f"{PREFIX}/v1/orders/{{order}}/orderlines/confirm",
    name="confirm_order_lines",
    response_model=OrderOut,
    responses=_RUNNING
    | errors(
        *_BODY,
        *_SUBMIT,
        *("LINE_NOT_FOUND", "LINE_REMOVED", "PARTIAL_CONFIRM_NOT_SUPPORTED"),
        *(
            "BALANCE_NOT_ZERO",
            "PAYMENT_REFUSED",
            "PAYMENT_ACTION_REQUIRED",
            "HOLD_LOST",
            "HOLD_TOO_SHORT",
            "HOLD_COSTS_MONEY",
            "AUTHORISATION_TOO_SHORT",
        ),
    ),
)
async def confirm(
    request: Request, order: str, ctx: Context, options: Options, body: ConfirmOrderLinesRequest | None = None
) -> Response:
    """Confirm the draft; the balance must not be positive. A confirmed order is returned unchanged with 200.

    A draft is confirmed as a whole: `orderLineIds` that leave out a line of the order are refused.
    """
    named = translation.confirm_lines(body.order_line_ids) if body else None
    change_request = ChangeRequest(kind=ChangeKind.CONFIRM, as_it_stands=True, confirm_lines=named)
    return await _respond_with_order(request, ctx, order, change_request, options, body)


@router.post(
    f"{PREFIX}/v1/orders/{{order}}/reset",
    name="reset",
    response_model=OrderOut,
    responses=_RUNNING | errors("IDEMPOTENCY_MISMATCH", *_SUBMIT),
)
async def reset(request: Request, order: str, ctx: Context, options: Options) -> Response:
    """Discard the draft and restore the last confirmed version. Without a draft nothing changes: 200."""
    return await _respond_with_order(request, ctx, order, ChangeRequest(kind=ChangeKind.DISCARD), options)


@router.get(f"{PREFIX}/v1/orders/{{order}}", name="get_sales_order", responses=errors("ORDER_NOT_FOUND"))
def get_order(order: str, ctx: Context) -> OrderOut:
    """Return the current state of an order, its draft included."""
    return order_out(present_order(ctx, order))


@router.get(
    f"{PREFIX}/v1beta/change-options",
    name="get_change_options",
    response_model_exclude_none=True,
    responses=errors("ORDER_NOT_FOUND", "MEMBER_INVALID", "PROVIDER_UNAVAILABLE"),
)
def get_change_options(orderId: str, ctx: Context) -> list[ChangeOptionOut]:  # noqa: N803 - Entur's name
    """Return the change options with their fees, relative to the last confirmed version."""
    return [options_out(*read_options(ctx, orderId))]


def routes(settings: EnturSettings) -> APIRouter:
    """Return all routes; the path for adding supplements is a setting."""
    all_routes = APIRouter()
    all_routes.include_router(router)
    all_routes.add_api_route(
        PREFIX + settings.supplement_path,
        add_supplements,
        name="add_supplements",
        methods=["POST"],
        tags=["entur"],
        dependencies=[Depends(check_channel)],
        route_class_override=EnturRoute,
        response_model=OrderLineIdsAndReservationIds,
        responses=_RUNNING | errors(*_BODY, *_SUBMIT, *_LINES, "OFFER_NOT_FOUND"),
    )
    return all_routes


def _bundles(ctx: ApiContext, configurations: Sequence[Configuration]) -> Bundles:
    """Return the bundle of each offer. Raises OFFER_NOT_FOUND, with every configuration of an unknown offer."""
    with ctx.store.read() as tx:
        bundles = offer_bundles.of_offers(tx, [each.offer_id for each in configurations])
    unknown = [number for number, each in enumerate(configurations) if each.offer_id not in bundles]
    if unknown:
        raise ProblemError("OFFER_NOT_FOUND", [{"pointer": f"/offerConfigurations/{each}/offerId"} for each in unknown])
    return bundles


def _members(sent: BaseModel | None) -> Any:
    """Return the known members that were sent: two requests under one key must have equal ones."""
    return sent.model_dump(mode="json", by_alias=True, exclude_unset=True) if sent else None


async def _respond_with_change(
    request: Request,
    ctx: ApiContext,
    order: str | NewOrder,
    change_request: ChangeRequest,
    options: RequestOptions,
    sent: BaseModel,
) -> Response:
    row, status, headers = await _submit(request, ctx, order, change_request, options, _members(sent))
    return JSONResponse(response_of(row).model_dump(mode="json", by_alias=True), status, headers)


async def _respond_with_order(
    request: Request,
    ctx: ApiContext,
    order: str,
    change_request: ChangeRequest,
    options: RequestOptions,
    sent: BaseModel | None = None,
) -> Response:
    change_request = change_request.model_copy(update={"answers_with_order": True})
    row, status, headers = await _submit(request, ctx, order, change_request, options, _members(sent))
    answered = order_out(await run_in_threadpool(read_answer, ctx, row))
    return JSONResponse(answered.model_dump(mode="json", by_alias=True), status, headers)


async def _submit(
    request: Request,
    ctx: ApiContext,
    order: str | NewOrder,
    change_request: ChangeRequest,
    options: RequestOptions,
    body: Any,
) -> tuple[ChangeRow, int, dict[str, str]]:
    change_request = change_request.model_copy(update={"if_match": options.if_match})
    row, replayed = await submit(request, ctx, order, change_request, options, body)
    return row, *to_http(row, options, replayed=replayed)
