"""Searches offers for every façade. Each offer bundle is stored, because its price is guaranteed until it expires."""

from api.context import ApiContext
from api.services.idempotency import refuse_if_erased
from domain.offers import OfferBundle
from providers.protocols import OfferSearch
from store.orders import offer_bundles
from store.orders.orders import find


def find_bundles(ctx: ApiContext, search: OfferSearch, order: str | None = None) -> list[OfferBundle]:
    """Find and store offer bundles, for any order or only for one. No seat is held. Raise ORDER_ERASED."""
    offered = ctx.offers.search(ctx.tenant, search, ctx.store.now())
    bundles = [bundle.model_copy(update={"order": order}) for bundle in offered]
    if bundles:
        with ctx.store.write() as tx:
            order_row = find(tx, order) if order else None
            if order_row:
                refuse_if_erased(order_row)
            for bundle in bundles:
                offer_bundles.keep(tx, bundle)
    return bundles
