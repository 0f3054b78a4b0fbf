"""The routes of discover.swiss's order API."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.discover import responses
from api.discover.errors import errors
from api.discover.items import OrderItemUpdateResponse, numbered
from api.discover.json_format import ExactJSONResponse
from api.discover.offers import OffersResponse, bundle_out, find
from api.discover.orders import CURRENCY, OrderUpdateResponse
from api.discover.requests import OrderItemIn, ProductConfigurationIn, WholeOrderIn
from api.discover.responses import SubmissionResult
from api.discover.submission import OrderSubmission, body_of, preparing_for
from api.discover.time_zones import zone_of
from api.discover.translation import TranslatedRequest
from api.http.request_headers import RequestOptions, with_default_wait
from api.http.routes import AuthenticatedRoute
from api.services.create_order import NewOrder, create_empty
from domain.operations import RemoveLines

Parts = Annotated[ApiContext, Depends(api_context)]
Asked = Annotated[RequestOptions, Depends(with_default_wait)]
_RUNNING: dict[int | str, dict[str, Any]] = {202: {"description": "Still running after 30 seconds: see Location."}}
_BODY = ("MALFORMED_BODY", "MEMBER_INVALID", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE")
_NEW = ("IDEMPOTENCY_MISMATCH", "ORDER_BUSY", "STEP_FAILED", "ENGINE_UNREACHABLE")
_ASK = ("ORDER_NOT_FOUND", "ORDER_ERASED", "STALE_ORDER", "ORDER_CHANGED_TOO_OFTEN", *_NEW)
_ITEM = (*_ASK, "ORDER_ITEM_NOT_FOUND")

router = APIRouter(tags=["discover"], route_class=AuthenticatedRoute)


@router.post("/orders", name="discover_create", response_model=OrderUpdateResponse, responses=errors(*_BODY, *_NEW))
async def create(request: Request, wanted: WholeOrderIn, ctx: Parts, options: Asked) -> Response:
    """Make an order, empty or with items. It stays when its items are refused: then it is empty."""
    new = NewOrder(currency=CURRENCY, time_zone=zone_of(request) or "UTC", expires_with_offers=True)
    row, _ = await run_in_threadpool(create_empty, request, ctx, new, options, body_of(wanted))
    number, items = row.order_number or "", wanted.ordered_item
    ended = SubmissionResult()
    if items:
        # The same key stands for both halves, so that a repeated request goes on where the first one broke off.
        filling = OrderSubmission(request, ctx, number, replace(options, part=" items", if_match=None), wanted)
        ended = await filling.change(lambda preparing: preparing.together([(each, None) for each in items]))
    return await run_in_threadpool(responses.answer_order, ctx, number, ended)


@router.get(
    "/orders/{order}",
    name="discover_order",
    response_model=OrderUpdateResponse,
    responses=errors("ORDER_NOT_FOUND"),
)
def show(order: str, ctx: Parts) -> Response:
    """Return an order as it stands, with what its items still lack."""
    return responses.answer_order(ctx, order, None)


@router.put(
    "/orders/{order}",
    name="discover_update",
    response_model=OrderUpdateResponse,
    responses=_RUNNING | errors(*_BODY, *_ASK),
)
async def update(request: Request, order: str, wanted: WholeOrderIn, ctx: Parts, options: Asked) -> Response:
    """Make an order what is sent: items listed by number kept or changed, others removed, new ones added.

    All or nothing.
    """
    desk = OrderSubmission(request, ctx, order, options, wanted)
    ended = await desk.change(lambda preparing: preparing.whole(wanted.ordered_item))
    return await run_in_threadpool(responses.answer_order, ctx, order, ended)


@router.post(
    "/orders/{order}/items",
    name="discover_add_item",
    response_model=OrderItemUpdateResponse,
    responses=_RUNNING | errors(*_BODY, *_ASK),
)
async def add_item(request: Request, order: str, wanted: OrderItemIn, ctx: Parts, options: Asked) -> Response:
    """Add an item: a bundle that was found, or a product to find one for."""
    ended = await OrderSubmission(request, ctx, order, options, wanted).change(
        lambda preparing: preparing.item(wanted, None)
    )
    return await run_in_threadpool(responses.answer_item, ctx, order, None, ended)


@router.get(
    "/orders/{order}/items/{item}",
    name="discover_item",
    response_model=OrderItemUpdateResponse,
    responses=errors("ORDER_NOT_FOUND", "ORDER_ITEM_NOT_FOUND"),
)
def show_item(order: str, item: str, ctx: Parts) -> Response:
    """Return an item as it stands, with what it still lacks."""
    return responses.answer_item(ctx, order, numbered(order, item), None)


@router.put(
    "/orders/{order}/items/{item}",
    name="discover_update_item",
    response_model=OrderItemUpdateResponse,
    responses=_RUNNING | errors(*_BODY, *_ITEM),
)
async def update_item(
    request: Request, order: str, item: str, wanted: OrderItemIn, ctx: Parts, options: Asked
) -> Response:
    """Change an item: another product, the same or another bundle, its travellers completed.

    Refused whole, the item stays exactly as it was.
    """
    position = numbered(order, item)
    desk = OrderSubmission(request, ctx, order, options, wanted)
    ended = await desk.change(lambda preparing: preparing.item(wanted, position), item)
    return await run_in_threadpool(responses.answer_item, ctx, order, position, ended)


@router.delete(
    "/orders/{order}/items/{item}",
    name="discover_remove_item",
    response_model=OrderItemUpdateResponse,
    responses=_RUNNING | errors(*_ITEM),
)
async def remove_item(request: Request, order: str, item: str, ctx: Parts, options: Asked) -> Response:
    """Take an item off; its number is never used again. A refusal answers with the item, success with null."""
    position = numbered(order, item)
    removal = TranslatedRequest((RemoveLines(op="remove_lines", position=position),))
    ended = await OrderSubmission(request, ctx, order, options, None).change(lambda _: removal, item)
    return await run_in_threadpool(responses.answer_item, ctx, order, position, ended)


@router.post(
    "/orders/{order}/offers",
    name="discover_offers",
    response_model=OffersResponse,
    responses=errors(*_BODY, "ORDER_NOT_FOUND", "ORDER_ERASED"),
)
def find_offers(request: Request, order: str, wanted: ProductConfigurationIn, ctx: Parts) -> Response:
    """Find bundles that only this order may take, one for each product that fits. Nothing is held."""
    preparing = preparing_for(request, ctx, order)
    asked_for = preparing.wanted(wanted, (), None)
    by_offers = [each for each in asked_for.products if each.sold_by_offers]
    found, messages = find(ctx, replace(asked_for, products=by_offers), order)
    bundles = [bundle_out(bundle, asked_for.products, preparing.zone) for bundle in found]
    said = OffersResponse(validation_messages=messages, offer_bundle=bundles)
    return ExactJSONResponse(responses.spelt(said), responses.status_of(ctx, messages))
