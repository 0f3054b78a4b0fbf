"""Responses with the current state of an item or order, and validation messages about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import Response

from api.context import ApiContext
from api.discover.items import OrderItemUpdateResponse, Products, item_messages, item_out, positions
from api.discover.json_format import ExactJSONResponse, ResponseModel
from api.discover.messages import ValidationMessage, has_errors
from api.discover.orders import CURRENCY, OrderUpdateResponse, order_messages, order_out
from api.errors.problems import ProblemError
from api.services.read_order import read_order
from domain.changes import Outcome
from domain.orders import Order
from store.tables import OrderRow

OK, BAD_REQUEST = 200, 400


@dataclass(frozen=True)
class SubmissionResult:
    """The result of a request; `outcome` is None if no change was submitted."""

    messages: list[ValidationMessage] = field(default_factory=list)
    outcome: Outcome | None = None
    refused: bool = False
    status: int = OK
    headers: dict[str, str] = field(default_factory=dict)


def read(ctx: ApiContext, number: str) -> tuple[OrderRow, Order, Products]:
    """Return an order in Swiss francs with its products. Raises ORDER_NOT_FOUND, also for another currency."""
    order_row, order = read_order(ctx, number)
    if order.currency != CURRENCY:
        raise ProblemError("ORDER_NOT_FOUND")
    return order_row, order, ctx.offers.products(ctx.tenant, sorted({line.product for line in order.live_lines}))


def item_response(ctx: ApiContext, number: str, position: int | None, result: SubmissionResult | None) -> Response:
    """Return the current state of the item at a position, or null; without a position, of the item just added.

    Without a result (GET) it raises ORDER_ITEM_NOT_FOUND if there is no such item.
    """
    order_row, order, products = read(ctx, number)
    wished = position or (_added_position(order, result) if result else None)
    existing = wished if wished in positions(order) else None
    if existing is None and result is None:
        raise ProblemError("ORDER_ITEM_NOT_FOUND")
    missing = item_messages(order, existing, products) if existing else []
    item = item_out(order, existing, products) if existing else None
    body = OrderItemUpdateResponse(order_item=item, validation_messages=_messages(result, missing))
    return _respond(ctx, order_row, body, result)


def order_response(ctx: ApiContext, number: str, result: SubmissionResult | None) -> Response:
    """Return the current state of an order."""
    order_row, order, products = read(ctx, number)
    messages = _messages(result, order_messages(order, products))
    body = OrderUpdateResponse(order=order_out(order_row, order, products), validation_messages=messages)
    return _respond(ctx, order_row, body, result)


def _added_position(order: Order, result: SubmissionResult) -> int | None:
    added = result.outcome.lines[0] if result.outcome and result.outcome.lines else None
    return next((line.position for line in order.lines if line.id == added), None)


def _messages(result: SubmissionResult | None, missing: list[ValidationMessage]) -> list[ValidationMessage]:
    """Return all messages. A refusal has only its own: the fields that the order lacked before are unrelated."""
    if result is None:
        return missing
    return result.messages if result.refused else [*result.messages, *missing]


def _respond(
    ctx: ApiContext,
    order_row: OrderRow,
    body: OrderItemUpdateResponse | OrderUpdateResponse,
    result: SubmissionResult | None,
) -> Response:
    submitted = result or SubmissionResult()
    headers = {"ETag": f'"e{order_row.last_event}"'} | submitted.headers
    status = status_of(ctx, body.validation_messages) if result else OK
    return ExactJSONResponse(to_json(body), status if submitted.status == OK else submitted.status, headers)


def status_of(ctx: ApiContext, messages: Sequence[ValidationMessage]) -> int:
    """Return 200, or 400 for validation errors if the installation is strict."""
    return BAD_REQUEST if ctx.discover.strict and has_errors(messages) else OK


def to_json(body: ResponseModel) -> dict[str, Any]:
    """Return the members of a response: null only at the top level, for a missing item or order."""
    present = body.model_dump(by_alias=True, exclude_none=True)
    return dict.fromkeys(body.model_dump(by_alias=True)) | present
