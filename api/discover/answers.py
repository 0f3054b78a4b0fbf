"""Answers an item or an order as it stands, with what to know about it."""

from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import Response

from api.discover.items import OrderItemUpdateResponse, Products, item_messages, item_out, positions
from api.discover.messages import ValidationMessage, serious
from api.discover.orders import CURRENCY, OrderUpdateResponse, order_messages, order_out
from api.discover.wire import ExactJSONResponse, Said
from api.parts import ApiParts
from api.problems import ProblemError
from api.reading import read_order
from domain.changes import Outcome
from domain.orders import Order
from store.tables import OrderRow


@dataclass(frozen=True)
class Ended:
    """How a request ended. One that asked nothing of an order, or only looked, has no outcome."""

    messages: list[ValidationMessage] = field(default_factory=list)
    outcome: Outcome | None = None
    refused: bool = False
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def read(made: ApiParts, number: str) -> tuple[OrderRow, Order, Products]:
    """Return an order in francs with its products. Raises ORDER_NOT_FOUND for any other."""
    head, order = read_order(made, number)
    if order.currency != CURRENCY:
        raise ProblemError("ORDER_NOT_FOUND")
    return head, order, made.offers.products(made.tenant, sorted({line.product for line in order.live_lines}))


def answer_item(made: ApiParts, number: str, position: int | None, ended: Ended) -> Response:
    """Return the item at a position as it stands now, or null; for a new item where its lines came to be."""
    head, order, products = read(made, number)
    place = _place(order, ended) if position is None else position
    there = place is not None and place in positions(order)
    lacking = item_messages(order, place, products) if place and there and not ended.refused else []
    item = item_out(order, place, products) if place and there else None
    said = OrderItemUpdateResponse(order_item=item, validation_messages=[*ended.messages, *lacking])
    return _answer(made, head, said, ended)


def answer_order(made: ApiParts, number: str, ended: Ended) -> Response:
    """Return an order as it stands now."""
    head, order, products = read(made, number)
    lacking = [] if ended.refused else order_messages(order, products)
    whole = order_out(head, order, products)
    said = OrderUpdateResponse(order=whole, validation_messages=[*ended.messages, *lacking])
    return _answer(made, head, said, ended)


def _place(order: Order, ended: Ended) -> int | None:
    added = ended.outcome.lines[0] if ended.outcome and ended.outcome.lines else None
    return next((line.position for line in order.lines if line.id == added), None)


def _answer(
    made: ApiParts, head: OrderRow, said: OrderItemUpdateResponse | OrderUpdateResponse, ended: Ended
) -> Response:
    strict = made.discover.strict and serious(said.validation_messages)
    headers = {"ETag": f'"e{head.last_event}"'} | ended.headers
    status = 400 if strict and ended.status == 200 else ended.status  # noqa: PLR2004 - any other answer says enough
    return ExactJSONResponse(spelt(said), status, headers)


def spelt(said: Said) -> dict[str, Any]:
    """Return an answer as it is written: null only where a whole item or order is missing."""
    full = said.model_dump(by_alias=True, exclude_none=True)
    return dict.fromkeys(said.model_dump(by_alias=True)) | full
