"""Reads orders for every façade."""

import re

from api.context import ApiContext
from api.errors.problems import ProblemError
from domain.offers import services_of
from domain.options import LineOptions, change_options
from domain.orders import Order
from providers.catalogue_lookup import look_up
from store.orders.orders import find, load
from store.tables import OrderRow


def read_order(ctx: ApiContext, order: str) -> tuple[OrderRow, Order]:
    """Return an order and its row. Raise ORDER_NOT_FOUND."""
    with ctx.store.read() as tx:
        order_row = find(tx, require_order_number(order))
        if order_row is None:
            raise ProblemError("ORDER_NOT_FOUND")
        return order_row, load(tx, order_row)


def require_visible(ctx: ApiContext, order: str) -> None:
    """Raise ORDER_NOT_FOUND unless the caller may see an order."""
    with ctx.store.read() as tx:
        if find(tx, require_order_number(order)) is None:
            raise ProblemError("ORDER_NOT_FOUND")


def read_options(ctx: ApiContext, order: str) -> tuple[Order, tuple[LineOptions, ...]]:
    """Return an order and the possible changes of its lines. Raise ORDER_NOT_FOUND, and ProviderUnavailableError."""
    order_row, loaded = read_order(ctx, order)
    lines = [*loaded.confirmed_lines, *loaded.live_lines]
    services = (line.service for line in lines if line.service)
    products = (line.product for line in lines)
    found = look_up(ctx.offers, order_row.tenant, products, services=services, with_sold=True)
    known = services_of(found.services, lines)
    return loaded, change_options(loaded, found.products, found.supplements, known, ctx.store.now())


_NUMBER = re.compile(r"\d{2}-\d{6,12}", re.ASCII)


def is_number(text: str) -> bool:
    """Whether a text can be an order number."""
    return _NUMBER.fullmatch(text) is not None


def require_order_number(order: str) -> str:
    """Return a text that can be an order number. Raise ORDER_NOT_FOUND for any other text, as for a foreign order."""
    if not is_number(order):
        raise ProblemError("ORDER_NOT_FOUND")
    return order
