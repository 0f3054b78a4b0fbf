"""An offer catalogue that a shop publishes over HTTP, kept in memory for a while."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

import httpx2
from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.ages import day_of
from domain.offers import OfferBundle, Service
from domain.products import Product, Supplement
from providers.errors import ProviderUnavailableError
from providers.pricing import bundle_of
from providers.protocols import OfferSearch


class ShopSettings(BaseSettings):
    """Where the shop is: SHOP_URL."""

    model_config = SettingsConfigDict(env_prefix="SHOP_")

    url: str
    timeout: timedelta = timedelta(seconds=2)
    """For connecting and for answering, each; together shorter than the 6 seconds of a step that looks at the shelf."""
    fresh: timedelta = timedelta(minutes=1)
    """How long what the shop published is used before it is asked again."""
    offer_life: timedelta = timedelta(minutes=20)


class _Shelf(BaseModel):
    """What the shop publishes."""

    products: tuple[Product, ...]
    supplements: tuple[Supplement, ...]
    services: tuple[Service, ...]


class ShopOffers:
    """Asks the shop once a minute at most: orders are read far more often than prices change."""

    external = True

    def __init__(self, settings: ShopSettings | None = None) -> None:
        self._settings = settings or ShopSettings()
        self._http = httpx2.Client(base_url=self._settings.url, timeout=self._settings.timeout.total_seconds())
        self._lock = threading.Lock()
        self._shelves: dict[str, tuple[timedelta, _Shelf]] = {}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        """Return a bundle for each product the search fits."""
        shelf, life = self._shelf(tenant), self._settings.offer_life
        products = [each for each in shelf.products if search.product in (None, each.id)]
        wanted = [(product, service) for product in products for service in _where(shelf, product, search, now)]
        found = [bundle_of(product, search, service, now, life) for product, service in wanted]
        return [bundle for bundle in found if bundle]

    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        """Return products by id."""
        return {each.id: each for each in self._shelf(tenant).products if each.id in ids}

    def variants(self, tenant: str, parent: str) -> Sequence[Product]:
        """Return the products that are variants of one."""
        return [each for each in self._shelf(tenant).products if each.parent == parent]

    def supplements(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Supplement]:
        """Return supplements by id."""
        return {each.id: each for each in self._shelf(tenant).supplements if each.id in ids}

    def services(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Service]:
        """Return services by id."""
        return {each.id: each for each in self._shelf(tenant).services if each.id in ids}

    def _shelf(self, tenant: str) -> _Shelf:
        """Return what is in memory, or ask; of many at once one asks and the others wait."""
        with self._lock:
            since, shelf = self._shelves.get(tenant, (timedelta(), None))
            passed = timedelta(seconds=time.monotonic())
            if shelf is None or passed - since >= self._settings.fresh:
                shelf = self._asked(tenant)
                self._shelves[tenant] = (passed, shelf)
            return shelf

    def _asked(self, tenant: str) -> _Shelf:
        try:
            answer = self._http.get(f"/tenants/{quote(tenant, safe='')}/catalogue")
        except httpx2.TransportError as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        if answer.status_code != httpx2.codes.OK:
            raise ProviderUnavailableError(f"the shop answered {answer.status_code}")
        try:
            return _Shelf.model_validate_json(answer.content)
        except ValueError:
            raise ProviderUnavailableError("the shop's catalogue cannot be read") from None


def _where(shelf: _Shelf, product: Product, search: OfferSearch, now: datetime) -> Iterator[Service | None]:
    """Yield the service a product is to be sold on, or None for a product without departures; else nothing."""
    leaving = [each for each in shelf.services if each.railway_line == product.railway_line and not each.departed(now)]
    if search.service:
        yield from [each for each in leaving if each.id == search.service]
    elif product.railway_line is None:
        yield None
    elif search.valid_from:
        day = day_of(search.valid_from, search.time_zone)
        later = [each for each in leaving if each.day == day and each.departs_at >= search.valid_from]
        yield from sorted(later, key=lambda each: each.departs_at)[:1]
