"""Responses with an item or order as a request left it, and validation messages about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import Response

from api.context import ApiContext
from api.discover.items import OrderItemUpdateResponse, item_messages, item_out, positions
from api.discover.json_format import ExactJSONResponse, ResponseModel
from api.discover.messages import ValidationMessage, has_errors
from api.discover.orders import OrderUpdateResponse, order_messages, order_out
from api.discover.views import OrderView, present_view, view_of
from api.errors.problems import ProblemError
from domain.changes import Outcome
from domain.orders import Order
from store.tables import ChangeRow

OK, BAD_REQUEST = 200, 400


@dataclass(frozen=True)
class SubmissionResult:
    """The result of a request; `outcome` and `row` are None if no change was submitted."""

    messages: list[ValidationMessage] = field(default_factory=list)
    outcome: Outcome | None = None
    row: ChangeRow | None = None
    refused: bool = False
    status: int = OK
    headers: dict[str, str] = field(default_factory=dict)


def item_response(ctx: ApiContext, number: str, position: int | None, result: SubmissionResult | None) -> Response:
    """Return the item at a position as the request left it, or null; without a position, the item just added.

    Without a result (GET) it is the item as it is now; it raises ORDER_ITEM_NOT_FOUND if there is no such item.
    """
    view = _view(ctx, number, result)
    wished = position or (_added_position(view.order, result) if result else None)
    existing = wished if wished in positions(view.order) else None
    if existing is None and result is None:
        raise ProblemError("ORDER_ITEM_NOT_FOUND")
    missing = item_messages(view, existing) if existing else []
    item = item_out(view, existing) if existing else None
    body = OrderItemUpdateResponse(order_item=item, validation_messages=_messages(result, missing))
    return _respond(ctx, view, body, result)


def order_response(ctx: ApiContext, number: str, result: SubmissionResult | None) -> Response:
    """Return an order as the request left it; without a result (GET) as it is now."""
    return order_view_response(ctx, _view(ctx, number, result), result)


def order_view_response(ctx: ApiContext, view: OrderView, result: SubmissionResult | None) -> Response:
    """Return an order of a given state."""
    messages = _messages(result, order_messages(view))
    return _respond(ctx, view, OrderUpdateResponse(order=order_out(view), validation_messages=messages), result)


def _view(ctx: ApiContext, number: str, result: SubmissionResult | None) -> OrderView:
    return view_of(ctx, result.row) if result and result.row else present_view(ctx, number)


def _added_position(order: Order, result: SubmissionResult) -> int | None:
    """Return the position of a new item. Positions ascend, and the renewed lines of an expired order keep theirs."""
    added = result.outcome.lines if result.outcome else ()
    return max((line.position for line in order.live_lines if line.id in added), default=None)


def _messages(result: SubmissionResult | None, missing: list[ValidationMessage]) -> list[ValidationMessage]:
    """Return all messages. A refusal has only its own: the fields that the order lacked before are unrelated."""
    if result is None:
        return missing
    return result.messages if result.refused else [*result.messages, *missing]


def _respond(
    ctx: ApiContext,
    view: OrderView,
    body: OrderItemUpdateResponse | OrderUpdateResponse,
    result: SubmissionResult | None,
) -> Response:
    submitted = result or SubmissionResult()
    headers = {"ETag": f'"e{view.last_event}"'} | submitted.headers
    status = status_of(ctx, body.validation_messages) if result else OK
    return ExactJSONResponse(to_json(body), status if submitted.status == OK else submitted.status, headers)


def status_of(ctx: ApiContext, messages: Sequence[ValidationMessage]) -> int:
    """Return 200, or 400 for validation errors if the installation is strict."""
    return BAD_REQUEST if ctx.discover.strict and has_errors(messages) else OK


def to_json(body: ResponseModel) -> dict[str, Any]:
    """Return the members of a response: null only at the top level, for a missing item or order."""
    present = body.model_dump(by_alias=True, exclude_none=True)
    return dict.fromkeys(body.model_dump(by_alias=True)) | present
