"""Reads orders for every façade."""

import re

from api.context import ApiContext
from api.errors.problems import ProblemError
from domain.options import LineOptions, change_options
from domain.orders import Order
from store.orders.orders import find, load
from store.tables import OrderRow


def read_order(ctx: ApiContext, order: str) -> tuple[OrderRow, Order]:
    """Return an order with its head. Raises ORDER_NOT_FOUND."""
    with ctx.store.read() as tx:
        head = find(tx, known_number(order))
        if head is None:
            raise ProblemError("ORDER_NOT_FOUND")
        return head, load(tx, head)


def read_options(ctx: ApiContext, order: str) -> tuple[Order, tuple[LineOptions, ...]]:
    """Return an order and what may be done with its lines. Raises ORDER_NOT_FOUND."""
    head, loaded = read_order(ctx, order)
    lines = [*loaded.confirmed_lines, *loaded.live_lines]
    products = ctx.offers.products(head.tenant, sorted({line.product for line in lines}))
    sold = sorted({code for product in products.values() for code in product.supplements})
    supplements = ctx.offers.supplements(head.tenant, sold)
    services = ctx.offers.services(head.tenant, sorted({line.service for line in lines if line.service}))
    return loaded, change_options(loaded, products, supplements, services, ctx.store.now())


_NUMBER = re.compile(r"\d{2}-\d{6,12}", re.ASCII)


def is_number(text: str) -> bool:
    """Whether a text can be an order number."""
    return _NUMBER.fullmatch(text) is not None


def known_number(order: str) -> str:
    """Return what can be an order number; anything else is as unknown as a foreign order."""
    if not is_number(order):
        raise ProblemError("ORDER_NOT_FOUND")
    return order
