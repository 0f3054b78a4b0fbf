"""An order as a response shows it: as it is now, or as a request left it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from api.context import ApiContext
from api.errors.problems import ProblemError
from api.services.read_answer import catalogue_of_answer, present_catalogue, present_order, read_answer
from domain.answers import ShownCatalogue
from domain.changes import Outcome
from domain.orders import Order
from domain.products import Product
from store.tables import ChangeRow

CURRENCY = "CHF"


@dataclass(frozen=True)
class OrderView:
    """An order with what the catalogue says of its lines."""

    created_at: datetime
    last_event: int
    order: Order
    catalogue: ShownCatalogue

    @cached_property
    def products(self) -> Mapping[str, Product]:
        """The products of the order's lines that the catalogue has, by id."""
        return {each.id: each for each in self.catalogue.products}

    @cached_property
    def missing(self) -> Mapping[str, list[tuple[int, str]]]:
        """The fields that the travellers of a line lack, by the line's id: each traveller's index and the field."""
        by_line: dict[str, list[tuple[int, str]]] = {}
        for each in self.catalogue.missing:
            by_line.setdefault(each.line, []).append((each.traveller, each.field))
        return by_line


def require_francs(order: Order) -> Order:
    """Return an order in Swiss francs. Raises ORDER_NOT_FOUND for another currency."""
    if order.currency != CURRENCY:
        raise ProblemError("ORDER_NOT_FOUND")
    return order


def present_view(ctx: ApiContext, number: str) -> OrderView:
    """Return an order as it is now. Raises ORDER_NOT_FOUND, also for another currency."""
    order_row, order, _ = present_order(ctx, number)
    catalogue = present_catalogue(ctx, require_francs(order))
    return OrderView(order_row.created_at, order.last_event, order, catalogue)


def view_of(ctx: ApiContext, row: ChangeRow) -> OrderView:
    """Return an order as a request left it; as it is now while the request runs."""
    order_row, order, _ = read_answer(ctx, row)
    catalogue = catalogue_of_answer(ctx, row, require_francs(order))
    return OrderView(order_row.created_at, order.last_event, order, catalogue)


def empty_view(row: ChangeRow, outcome: Outcome | None) -> OrderView:
    """Return the empty order that a request created."""
    last_event = outcome.order.last_event if outcome else 1
    order = Order.empty(row.order_number or "", CURRENCY, last_event)
    return OrderView(row.created_at, last_event, order, ShownCatalogue(products=(), missing=()))
