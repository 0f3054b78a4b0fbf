"""Answers an item or an order as it stands, with what to know about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import Response

from api.context import ApiContext
from api.discover.items import OrderItemUpdateResponse, Products, item_messages, item_out, positions
from api.discover.json_format import ExactJSONResponse, ResponseModel
from api.discover.messages import ValidationMessage, serious
from api.discover.orders import CURRENCY, OrderUpdateResponse, order_messages, order_out
from api.errors.problems import ProblemError
from api.services.read_order import read_order
from domain.changes import Outcome
from domain.orders import Order
from store.tables import OrderRow

OK, BAD_REQUEST = 200, 400


@dataclass(frozen=True)
class SubmissionResult:
    """How a request ended; one that came to no change of an order has no outcome."""

    messages: list[ValidationMessage] = field(default_factory=list)
    outcome: Outcome | None = None
    refused: bool = False
    status: int = OK
    headers: dict[str, str] = field(default_factory=dict)


def read(ctx: ApiContext, number: str) -> tuple[OrderRow, Order, Products]:
    """Return an order in francs with its products. Raises ORDER_NOT_FOUND for any other."""
    head, order = read_order(ctx, number)
    if order.currency != CURRENCY:
        raise ProblemError("ORDER_NOT_FOUND")
    return head, order, ctx.offers.products(ctx.tenant, sorted({line.product for line in order.live_lines}))


def answer_item(ctx: ApiContext, number: str, position: int | None, ended: SubmissionResult | None) -> Response:
    """Return the item at a position as it stands now, or null; a new one where its lines came to be.

    Without anything asked it is only looked at: raises ORDER_ITEM_NOT_FOUND when there is none.
    """
    head, order, products = read(ctx, number)
    place = position or (_place(order, ended) if ended else None)
    there = place if place in positions(order) else None
    if there is None and ended is None:
        raise ProblemError("ORDER_ITEM_NOT_FOUND")
    lacking = item_messages(order, there, products) if there else []
    item = item_out(order, there, products) if there else None
    said = OrderItemUpdateResponse(order_item=item, validation_messages=_messages(ended, lacking))
    return _answer(ctx, head, said, ended)


def answer_order(ctx: ApiContext, number: str, ended: SubmissionResult | None) -> Response:
    """Return an order as it stands now."""
    head, order, products = read(ctx, number)
    messages = _messages(ended, order_messages(order, products))
    said = OrderUpdateResponse(order=order_out(head, order, products), validation_messages=messages)
    return _answer(ctx, head, said, ended)


def _place(order: Order, ended: SubmissionResult) -> int | None:
    added = ended.outcome.lines[0] if ended.outcome and ended.outcome.lines else None
    return next((line.position for line in order.lines if line.id == added), None)


def _messages(ended: SubmissionResult | None, lacking: list[ValidationMessage]) -> list[ValidationMessage]:
    """Return what to tell. A refusal is told alone: what the order lacked before is another matter."""
    if ended is None:
        return lacking
    return ended.messages if ended.refused else [*ended.messages, *lacking]


def _answer(
    ctx: ApiContext,
    head: OrderRow,
    said: OrderItemUpdateResponse | OrderUpdateResponse,
    ended: SubmissionResult | None,
) -> Response:
    asked = ended or SubmissionResult()
    headers = {"ETag": f'"e{head.last_event}"'} | asked.headers
    judged = status_of(ctx, said.validation_messages) if ended else OK
    return ExactJSONResponse(spelt(said), judged if asked.status == OK else asked.status, headers)


def status_of(ctx: ApiContext, messages: Sequence[ValidationMessage]) -> int:
    """Return 200, or 400 where an installation wants validation errors answered so."""
    return BAD_REQUEST if ctx.discover.strict and serious(messages) else OK


def spelt(said: ResponseModel) -> dict[str, Any]:
    """Return an answer as it is written: null only where a whole item or order is missing."""
    full = said.model_dump(by_alias=True, exclude_none=True)
    return dict.fromkeys(said.model_dump(by_alias=True)) | full
