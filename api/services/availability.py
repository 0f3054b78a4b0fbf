"""What is left of the offers found: free seats on the service, and units of products and supplements."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from api.context import ApiContext
from domain.offers import Offer, OfferBundle
from domain.planning.stock import places_of
from domain.products import Product, Supplement
from providers.catalogue_lookup import look_up
from providers.errors import ProviderUnavailableError
from providers.inventory_answers import read_free_counts
from providers.protocols import HoldRequest, SeatRequest, StockRequest

log = logging.getLogger(__name__)

MOST_SHOWN = 9
"""The highest number shown. It means as many or more, that there is no limit, or that the inventory does not know."""


@dataclass(frozen=True)
class Availability:
    """The products and supplements of the bundles found, and what is free; without an entry there is no limit."""

    products: Mapping[str, Product]
    supplements: Mapping[str, Supplement]
    free: Mapping[HoldRequest, int]

    def of_offer(self, bundle: OfferBundle, offer: Offer) -> int:
        """Return for how many travellers an offer is left; of a group product, how many groups of this size."""
        needed = _needs(bundle, offer, self.products).items()
        free = {request: self.free[request] for request, _ in needed if request in self.free}
        return _capped(free[request] // (count if offer.group else 1) for request, count in needed if request in free)

    def of_bundle(self, bundle: OfferBundle) -> int:
        """Return how often the bundle is left: as often as the offer of which the least is left."""
        return min(self.of_offer(bundle, offer) for offer in bundle.offers)

    def of_supplement(self, bundle: OfferBundle, offer: Offer, supplement: str) -> int:
        """Return how many of a supplement are left for an offer."""
        units = _units(self.supplements[supplement], bundle, offer)
        return _capped(self.free[unit] for unit in units if unit in self.free)

    def is_sold_out(self, bundle: OfferBundle) -> bool:
        """Whether less is left than all travellers of a bundle need."""
        needed = sum((_needs(bundle, offer, self.products) for offer in bundle.offers), Counter[HoldRequest]())
        return any(self.free.get(request, count) < count for request, count in needed.items())

    def supplements_of(self, offer: Offer) -> list[Supplement]:
        """Return the supplements that an offer's product sells now."""
        sold = (self.supplements.get(each) for each in self.products[offer.product].supplements)
        return [each for each in sold if each and not each.withdrawn]


def find_availability(ctx: ApiContext, bundles: Sequence[OfferBundle], own: Sequence[str]) -> Availability:
    """Ask the inventory once what is free for some bundles; references `own` count as free.

    Raise ProviderUnavailableError when the catalogue does not answer.
    """
    offers = [(bundle, offer) for bundle in bundles for offer in bundle.offers]
    entries = look_up(ctx.offers, ctx.tenant, (offer.product for _, offer in offers), with_sold=True)
    products, supplements = entries.products, entries.supplements
    if any(offer.product not in products for _, offer in offers):
        raise ProviderUnavailableError("the catalogue offers a product that it does not have")
    found = Availability(products, supplements, {})
    requests = {
        request
        for bundle, offer in offers
        for request in (
            *_needs(bundle, offer, products),
            *(unit for each in found.supplements_of(offer) for unit in _units(each, bundle, offer)),
        )
    }
    return Availability(products, supplements, _free(ctx, sorted(requests, key=str), own))


def _free(ctx: ApiContext, requests: Sequence[HoldRequest], own: Sequence[str]) -> dict[HoldRequest, int]:
    try:
        counts = read_free_counts(ctx.inventory, ctx.tenant, requests, own) if requests else []
    except ProviderUnavailableError as error:
        # An inventory that does not answer must not stop the search: a hold will say what is sold out.
        log.warning("availability unknown", exc_info=error)
        return {}
    return {request: count for request, count in zip(requests, counts, strict=True) if count is not None}


def _needs(bundle: OfferBundle, offer: Offer, products: Mapping[str, Product]) -> Counter[HoldRequest]:
    """Return the seats and units that all travellers of an offer need, each by the request for one."""
    needed = Counter[HoldRequest]()
    if bundle.service:
        needed[SeatRequest(bundle.service, 1)] = sum(each.seat for each in offer.travellers)
    for unit in _units(products[offer.product], bundle, offer):
        # A group shares one line, and so one unit.
        needed[unit] = 1 if offer.group else len(offer.travellers)
    return +needed


def _units(item: Product | Supplement, bundle: OfferBundle, offer: Offer) -> Iterator[StockRequest]:
    for service, day in places_of(item, bundle.service, bundle.first_day, offer.last_day):
        yield StockRequest(item.id, service, day, 1)


def _capped(counts: Iterable[int]) -> int:
    return min(MOST_SHOWN, *counts, MOST_SHOWN)
