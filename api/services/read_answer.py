"""Reads the order as the answer to a request shows it: as the request left it, however often it is repeated."""

from datetime import datetime
from typing import NamedTuple

from api.context import ApiContext
from api.services.read_order import read_order
from domain.answers import ShownCatalogue, shown_catalogue
from domain.orders import Order
from providers.catalogue_lookup import look_up
from store.changes import changes
from store.database.connections import BUSY
from store.orders.orders import find
from store.orders.shown_orders import load_shown
from store.tables import ChangeRow, OrderRow


class AnsweredOrder(NamedTuple):
    """An order in an answer. Of its row only what never changes counts."""

    order_row: OrderRow
    order: Order
    last_confirmed_at: datetime | None


def present_order(ctx: ApiContext, number: str) -> AnsweredOrder:
    """Return an order as it is now. Raise ORDER_NOT_FOUND."""
    order_row, order = read_order(ctx, number)
    return AnsweredOrder(order_row, order, order_row.last_confirmed_at)


def read_answer(ctx: ApiContext, row: ChangeRow) -> AnsweredOrder:
    """Return the order as a request left it; as it is now while the request runs. Raise ORDER_NOT_FOUND."""
    number = row.order_number or ""
    with ctx.store.read() as tx:
        # Read once more together with the order: an erasure changes both.
        shown, order_row = changes.shown_in(changes.existing(tx, row.id)), find(tx, number)
        if shown is not None and order_row is not None:
            return AnsweredOrder(order_row, load_shown(tx, order_row, shown), shown.last_confirmed_at)
    return present_order(ctx, number)


def present_catalogue(ctx: ApiContext, order: Order) -> ShownCatalogue:
    """Return what the catalogue says now of an order's lines. Raise ProviderUnavailableError."""
    found = look_up(ctx.offers, ctx.tenant, (line.product for line in order.live_lines))
    return shown_catalogue(order, found.products)


def catalogue_of_answer(ctx: ApiContext, row: ChangeRow, order: Order) -> ShownCatalogue:
    """Return what the first answer to a request showed of the catalogue; the first answer keeps it."""
    kept = changes.shown_catalogue_in(row)
    if kept is not None:
        return kept
    catalogue = present_catalogue(ctx, order)
    if row.shown is None:
        return catalogue
    try:
        with ctx.store.write() as tx:
            return changes.keep_shown_catalogue(tx, row.id, catalogue)
    except BUSY:
        # The request has ended: a busy database is no reason to answer as if it had not.
        return catalogue
