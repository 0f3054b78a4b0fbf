"""Gathers what is sold, as far as one change needs to know it."""

from collections.abc import Iterator

from sqlmodel import Session

from domain.changes import ChangeRequest
from domain.operations import AddSupplements, SupplementWish
from domain.orders import Order
from domain.planning import Shelf
from providers.protocols import OfferCatalogue
from store import bundles


def shelf_for(tx: Session, tenant: str, offers: OfferCatalogue, order: Order, request: ChangeRequest) -> Shelf:
    """Return the bundles a request names, and the products, supplements and services it touches."""
    named = bundles.find(tx, tenant, [wish.offer_bundle_id for wish in request.wishes])
    offered = {offer.product for bundle in named.values() for offer in bundle.offers}
    sold = {line.product for line in order.live_lines}
    on_top = {each.supplement for each in _supplements(request)}
    services = {line.service for line in order.live_lines} | {each.service for each in named.values()}
    return Shelf(
        bundles=named,
        products=offers.products(tenant, sorted(offered | sold)),
        supplements=offers.supplements(tenant, sorted(on_top | sold)) if on_top | sold else {},
        services=offers.services(tenant, sorted(filter(None, services))) if any(services) else {},
    )


def _supplements(request: ChangeRequest) -> Iterator[SupplementWish]:
    for wish in request.wishes:
        yield from wish.supplements
    for operation in request.operations:
        if isinstance(operation, AddSupplements):
            yield from operation.supplements
