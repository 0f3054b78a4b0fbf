"""Looks up in the offer catalogue what an order, a request or a search refers to, with one deadline for all of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.catalogue_rules import Listing, find_faults
from domain.offers import Service
from domain.products import Product, Supplement
from providers.bounded_calls import one_deadline
from providers.errors import ProviderUnavailableError
from providers.protocols import OfferCatalogue


@dataclass(frozen=True)
class CatalogueEntries:
    """What the catalogue has of what was looked up, by id."""

    products: Mapping[str, Product]
    supplements: Mapping[str, Supplement]
    services: Mapping[str, Service]


def look_up(
    offers: OfferCatalogue,
    tenant: str,
    products: Iterable[str],
    supplements: Iterable[str] = (),
    services: Iterable[str] = (),
    *,
    with_sold: bool = False,
) -> CatalogueEntries:
    """Return products, supplements and services by id; `with_sold` adds the supplements that the products sell.

    Raises ProviderUnavailableError when an external catalogue does not answer, or not what a catalogue may hold. An
    external one must not be called within a transaction.
    """
    with one_deadline():
        product_ids = sorted(set(products))
        found = offers.products(tenant, product_ids) if product_ids else {}
        sold = {code for each in found.values() for code in each.supplements} if with_sold else set()
        supplement_ids, service_ids = sorted({*supplements, *sold}), sorted(set(services))
        entries = CatalogueEntries(
            found,
            offers.supplements(tenant, supplement_ids) if supplement_ids else {},
            offers.services(tenant, service_ids) if service_ids else {},
        )
    if offers.external:
        _check_together(entries)
    return entries


def _check_together(entries: CatalogueEntries) -> None:
    """Raise ProviderUnavailableError if products and the supplements that they sell do not go together."""
    listing = Listing(entries.products, entries.supplements, railway_lines=frozenset(), whole=False)
    if find_faults(listing):
        raise ProviderUnavailableError("products and supplements do not go together")
