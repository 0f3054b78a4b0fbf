"""An offer catalogue that a shop publishes over HTTP, cached in memory."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

import httpx2
from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.ages import day_of
from domain.catalogue_rules import Fault, Listing, find_faults
from domain.offers import OfferBundle, Service
from domain.products import Product, Supplement
from providers.errors import ProviderUnavailableError
from providers.pricing import build_bundle
from providers.protocols import OfferSearch


class ShopSettings(BaseSettings):
    """Settings of the shop: SHOP_URL, SHOP_TIMEOUT, SHOP_MAX_BYTES, SHOP_FRESH, SHOP_OFFER_LIFE."""

    model_config = SettingsConfigDict(env_prefix="SHOP_")

    url: str
    timeout: timedelta = timedelta(seconds=2)
    """For connecting and for the response, each; together no longer than CHANGEOVER_LOOKUP_TIMEOUT."""
    max_bytes: int = 5_000_000
    """The largest catalogue that is read."""
    fresh: timedelta = timedelta(minutes=1)
    """How long a catalogue is used before it is requested again."""
    offer_life: timedelta = timedelta(minutes=20)
    """How long an offer is valid."""


class _UnusableError(Exception):
    """The shop's answer is not used, whatever it holds."""


class _Catalogue(BaseModel):
    """The catalogue that the shop publishes."""

    products: tuple[Product, ...]
    supplements: tuple[Supplement, ...]
    services: tuple[Service, ...]

    def faults(self) -> list[Fault]:
        """Return what violates the rules of a catalogue: prices in two currencies, unknown supplements, and more."""
        listing = Listing(
            products={f"/products/{number}": each for number, each in enumerate(self.products)},
            supplements={f"/supplements/{number}": each for number, each in enumerate(self.supplements)},
            # A shop may publish a product before its departures, or after the last one.
            railway_lines=frozenset(each.railway_line for each in self.products if each.railway_line),
        )
        return find_faults(listing)


@dataclass(frozen=True)
class _Answer:
    """What the shop answered a request for its catalogue."""

    catalogue: _Catalogue | None
    """None if the answer cannot be used."""
    failure: str = ""
    at: int = field(default_factory=time.monotonic_ns)


class ShopOffers:
    """Requests the catalogue once a minute at most: orders are read far more often than prices change."""

    external = True

    def __init__(self, settings: ShopSettings | None = None) -> None:
        self._settings = settings or ShopSettings()
        self._http = httpx2.Client(base_url=self._settings.url, timeout=self._settings.timeout.total_seconds())
        self._lock = threading.Lock()
        self._answers: dict[str, _Answer] = {}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        """Return a bundle for each product that matches the search."""
        catalogue, life = self._catalogue(tenant), self._settings.offer_life
        products = [each for each in catalogue.products if search.product in (None, each.id)]
        candidates = [
            (product, service) for product in products for service in _find_service(catalogue, product, search, now)
        ]
        found = [build_bundle(product, search, service, now, life) for product, service in candidates]
        return [bundle for bundle in found if bundle]

    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        """Return products by id."""
        return {each.id: each for each in self._catalogue(tenant).products if each.id in ids}

    def variants(self, tenant: str, parent: str) -> Sequence[Product]:
        """Return the products that are variants of a parent product."""
        return [each for each in self._catalogue(tenant).products if each.parent == parent]

    def supplements(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Supplement]:
        """Return supplements by id."""
        return {each.id: each for each in self._catalogue(tenant).supplements if each.id in ids}

    def services(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Service]:
        """Return services by id."""
        return {each.id: each for each in self._catalogue(tenant).services if each.id in ids}

    def _catalogue(self, tenant: str) -> _Catalogue:
        """Return the cached catalogue, or request it; concurrent callers wait for one request and share its answer."""
        came = time.monotonic_ns()
        with self._lock:
            last = self._answers.get(tenant)
            if last is None or not self._may_serve(last, came):
                last = self._answers[tenant] = self._request(tenant)
        if last.catalogue is None:
            raise ProviderUnavailableError(last.failure)
        return last.catalogue

    def _may_serve(self, last: _Answer, came: int) -> bool:
        if came < last.at:
            return True  # this caller has waited for it
        return last.catalogue is not None and timedelta(microseconds=(came - last.at) // 1000) < self._settings.fresh

    def _request(self, tenant: str) -> _Answer:
        try:
            catalogue = _Catalogue.model_validate_json(self._read(f"/tenants/{quote(tenant, safe='')}/catalogue"))
        except httpx2.TransportError as error:
            return _Answer(None, type(error).__name__)
        except _UnusableError as error:
            return _Answer(None, str(error))
        except ValueError:
            return _Answer(None, "the shop's catalogue cannot be read")
        return _Answer(None, "the shop's catalogue has faults") if catalogue.faults() else _Answer(catalogue)

    def _read(self, path: str) -> bytes:
        """Return the body of an answer; one that is too large, or comes too slowly, is not read to its end."""
        body, until = bytearray(), time.monotonic() + 2 * self._settings.timeout.total_seconds()
        with self._http.stream("GET", path) as response:
            if response.status_code != httpx2.codes.OK:
                raise _UnusableError(f"the shop answered {response.status_code}")
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > self._settings.max_bytes or time.monotonic() > until:
                    raise _UnusableError("the shop's catalogue is too large or comes too slowly")
        return bytes(body)


def _find_service(
    catalogue: _Catalogue, product: Product, search: OfferSearch, now: datetime
) -> Iterator[Service | None]:
    """Yield the service that a product is offered on, None for a product without departures, or nothing."""
    leaving = [
        each
        for each in catalogue.services
        if each.railway_line == product.railway_line and not each.cancelled and not each.departed(now)
    ]
    if search.service:
        yield from [each for each in leaving if each.id == search.service]
    elif product.railway_line is None:
        yield None
    elif search.valid_from:
        day = day_of(search.valid_from, search.time_zone)
        later = [each for each in leaving if each.day == day and each.departs_at >= search.valid_from]
        yield from sorted(later, key=lambda each: each.departs_at)[:1]
