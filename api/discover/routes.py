"""Routes of discover.swiss's order API."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.discover import responses
from api.discover.errors import errors
from api.discover.items import OrderItemUpdateResponse, parse_item_number
from api.discover.json_format import ExactJSONResponse
from api.discover.offers import OffersResponse, bundle_out, search_bundles
from api.discover.orders import OrderUpdateResponse
from api.discover.requests import OrderItemIn, ProductConfigurationIn, WholeOrderIn
from api.discover.responses import SubmissionResult
from api.discover.submission import OrderSubmission, body_of, translator_for
from api.discover.time_zones import zone_of
from api.discover.translation import TranslatedRequest
from api.discover.views import CURRENCY, empty_view
from api.http.request_headers import RequestOptions, with_default_wait
from api.http.routes import AuthenticatedRoute
from api.services.create_order import NewOrder, create_empty
from domain.operations import RemoveLines
from store.changes.changes import outcome_of

Context = Annotated[ApiContext, Depends(api_context)]
Options = Annotated[RequestOptions, Depends(with_default_wait)]
_RUNNING: dict[int | str, dict[str, Any]] = {
    202: {"description": "Still running after 30 seconds; poll Location for the result."}
}
_BODY = ("MALFORMED_BODY", "MEMBER_INVALID", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE")
_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
_NEW = (
    "IDEMPOTENCY_MISMATCH",
    "ORDER_BUSY",
    "STEP_FAILED",
    "ENGINE_UNREACHABLE",
    "NEWER_WORKER_NEEDED",
    _UNAVAILABLE,
)
_SUBMIT = ("ORDER_NOT_FOUND", "ORDER_ERASED", "STALE_ORDER", "ORDER_CHANGED_TOO_OFTEN", *_NEW)
_ITEM = (*_SUBMIT, "ORDER_ITEM_NOT_FOUND")

router = APIRouter(tags=["discover"], route_class=AuthenticatedRoute)


@router.post("/orders", name="discover_create", response_model=OrderUpdateResponse, responses=errors(*_BODY, *_NEW))
async def create(request: Request, body: WholeOrderIn, ctx: Context, options: Options) -> Response:
    """Create an order, empty or with items. If its items are refused, the order remains, empty."""
    new = NewOrder(currency=CURRENCY, time_zone=zone_of(request) or "UTC", expires_with_offers=True)
    row, _ = await run_in_threadpool(create_empty, request, ctx, new, options, body_of(body))
    number, items = row.order_number or "", body.ordered_item
    if not items:
        view = empty_view(row, outcome_of(row))
        return await run_in_threadpool(responses.order_view_response, ctx, view, SubmissionResult())
    # Both parts share the client's key, so that a repeated request continues where the first one stopped.
    submission = OrderSubmission(request, ctx, number, replace(options, part=" items", if_match=None), body)
    result = await submission.change(lambda translator: translator.translate_items([(each, None) for each in items]))
    return await run_in_threadpool(responses.order_response, ctx, number, result)


@router.get(
    "/orders/{order}",
    name="discover_order",
    response_model=OrderUpdateResponse,
    responses=errors("ORDER_NOT_FOUND", _UNAVAILABLE),
)
def show(order: str, ctx: Context) -> Response:
    """Return the current state of an order, with messages about missing fields of its items."""
    return responses.order_response(ctx, order, None)


@router.put(
    "/orders/{order}",
    name="discover_update",
    response_model=OrderUpdateResponse,
    responses=_RUNNING | errors(*_BODY, *_SUBMIT),
)
async def update(request: Request, order: str, body: WholeOrderIn, ctx: Context, options: Options) -> Response:
    """Replace the items of an order: items listed by number are kept or changed, others removed, new ones added.

    All changes take effect, or none.
    """
    submission = OrderSubmission(request, ctx, order, options, body)
    result = await submission.change(lambda translator: translator.translate_order(body.ordered_item))
    return await run_in_threadpool(responses.order_response, ctx, order, result)


@router.post(
    "/orders/{order}/items",
    name="discover_add_item",
    response_model=OrderItemUpdateResponse,
    responses=_RUNNING | errors(*_BODY, *_SUBMIT),
)
async def add_item(request: Request, order: str, body: OrderItemIn, ctx: Context, options: Options) -> Response:
    """Add an item: a bundle from a search, or a product to search one for."""
    result = await OrderSubmission(request, ctx, order, options, body).change(
        lambda translator: translator.translate_item(body, None)
    )
    return await run_in_threadpool(responses.item_response, ctx, order, None, result)


@router.get(
    "/orders/{order}/items/{item}",
    name="discover_item",
    response_model=OrderItemUpdateResponse,
    responses=errors("ORDER_NOT_FOUND", "ORDER_ITEM_NOT_FOUND", _UNAVAILABLE),
)
def show_item(order: str, item: str, ctx: Context) -> Response:
    """Return the current state of an item, with messages about its missing fields."""
    return responses.item_response(ctx, order, parse_item_number(order, item), None)


@router.put(
    "/orders/{order}/items/{item}",
    name="discover_update_item",
    response_model=OrderItemUpdateResponse,
    responses=_RUNNING | errors(*_BODY, *_ITEM),
)
async def update_item(
    request: Request, order: str, item: str, body: OrderItemIn, ctx: Context, options: Options
) -> Response:
    """Change an item: to another product, to the same or another bundle, or with completed travellers.

    A refused change leaves the item exactly as it was.
    """
    position = parse_item_number(order, item)
    submission = OrderSubmission(request, ctx, order, options, body)
    result = await submission.change(lambda translator: translator.translate_item(body, position), item)
    return await run_in_threadpool(responses.item_response, ctx, order, position, result)


@router.delete(
    "/orders/{order}/items/{item}",
    name="discover_remove_item",
    response_model=OrderItemUpdateResponse,
    responses=_RUNNING | errors(*_ITEM),
)
async def remove_item(request: Request, order: str, item: str, ctx: Context, options: Options) -> Response:
    """Remove an item; its number is never reused. The response has null, or the item if the removal is refused."""
    position = parse_item_number(order, item)
    removal = TranslatedRequest((RemoveLines(op="remove_lines", position=position),))
    result = await OrderSubmission(request, ctx, order, options, None).change(lambda _: removal, item)
    return await run_in_threadpool(responses.item_response, ctx, order, position, result)


@router.post(
    "/orders/{order}/offers",
    name="discover_offers",
    response_model=OffersResponse,
    responses=errors(*_BODY, "ORDER_NOT_FOUND", "ORDER_ERASED", _UNAVAILABLE),
)
def find_offers(request: Request, order: str, body: ProductConfigurationIn, ctx: Context) -> Response:
    """Search bundles for this order only, one for each matching product. No seat is held."""
    translator = translator_for(request, ctx, order)
    query = translator.build_query(body, (), None)
    sold_by_offers = [each for each in query.products if each.sold_by_offers]
    bundles, messages = search_bundles(ctx, replace(query, products=sold_by_offers), order)
    offer_bundles = [bundle_out(bundle, query.products, translator.zone) for bundle in bundles]
    response = OffersResponse(validation_messages=messages, offer_bundle=offer_bundles)
    return ExactJSONResponse(responses.to_json(response), responses.status_of(ctx, messages))
