"""External providers as searches, quotes, options and steps ask them: in time, few at once, and not believed blindly.

Every failure is a ProviderUnavailableError: the provider raises an error, is late, or answers what cannot be.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.offers import OfferBundle, Service
from domain.products import Product, Supplement
from providers.bounded_calls import BoundedCalls
from providers.catalogue_answers import (
    check_bundles,
    check_products,
    check_services,
    check_supplements,
    check_variants,
)
from providers.inventory_answers import read_free_counts
from providers.protocols import HoldRequest, Inventory, OfferCatalogue, OfferSearch


class BoundedOffers:
    """An external offer catalogue."""

    external = True

    def __init__(self, provider: OfferCatalogue, calls: BoundedCalls) -> None:
        self.calls = calls
        self._provider = provider

    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        """Return the bundles on sale."""
        return self.calls.call("search", lambda: check_bundles(self._provider.search(tenant, search, now), search, now))

    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        """Return products by id."""
        return self.calls.call("products", lambda: check_products(self._provider.products(tenant, ids), ids))

    def variants(self, tenant: str, parent: str) -> Sequence[Product]:
        """Return the products that are variants of a parent product."""
        return self.calls.call("variants", lambda: check_variants(self._provider.variants(tenant, parent), parent))

    def supplements(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Supplement]:
        """Return supplements by id."""
        return self.calls.call("supplements", lambda: check_supplements(self._provider.supplements(tenant, ids), ids))

    def services(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Service]:
        """Return services by id."""
        return self.calls.call("services", lambda: check_services(self._provider.services(tenant, ids), ids))


class BoundedInventory:
    """An external inventory, to be asked what is free. Steps hold and sell at the provider itself."""

    external = True

    def __init__(self, provider: Inventory, calls: BoundedCalls) -> None:
        self.calls = calls
        self._provider = provider

    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        """Return for each request how many seats or units are free."""
        return self.calls.call("free", lambda: read_free_counts(self._provider, tenant, requests, own))


def unavailable_providers(*providers: object) -> list[str]:
    """Return the names of external providers whose last call gave no usable answer."""
    bounded = [each for each in providers if isinstance(each, BoundedOffers | BoundedInventory)]
    return sorted(each.calls.provider for each in bounded if each.calls.unavailable)
