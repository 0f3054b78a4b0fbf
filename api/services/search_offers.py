"""How every façade finds offers: what is found is kept, as a promise."""

from api.context import ApiContext
from api.services.idempotency import refuse_if_erased
from domain.offers import OfferBundle
from providers.protocols import OfferSearch
from store.orders import offer_bundles
from store.orders.orders import find


def find_bundles(ctx: ApiContext, wanted: OfferSearch, order: str | None = None) -> list[OfferBundle]:
    """Return the bundles found, for any order or only for one. Nothing is held. Raises ORDER_ERASED."""
    found = ctx.offers.search(ctx.tenant, wanted, ctx.store.now())
    mine = [bundle.model_copy(update={"order": order}) for bundle in found]
    if mine:
        with ctx.store.write() as tx:
            head = find(tx, order) if order else None
            if head:
                refuse_if_erased(head)
            for bundle in mine:
                offer_bundles.keep(tx, bundle)
    return mine
