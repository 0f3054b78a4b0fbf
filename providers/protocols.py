"""The protocols of providers. We choose the key of every call before the first attempt, so a retry is safe.

`external` is true for a provider outside our database. Then the step commits a record before it calls the
provider, and runs on the provider's own task queue. An embedded provider joins the step's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.money import Money
from domain.offers import OfferBundle, Service
from domain.products import Product, Supplement
from domain.settlement import Move


@dataclass(frozen=True, slots=True)
class SeatRequest:
    """Seats requested together on one service: those with these names, or any."""

    service: str
    count: int
    names: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """The order's own seats on the service, by name; any seats go beside them where possible."""


@dataclass(frozen=True, slots=True)
class StockRequest:
    """Units of a product or supplement that has a capacity, requested on one service, or else on one day."""

    item: str
    service: str | None
    day: date | None
    count: int


HoldRequest = SeatRequest | StockRequest


@dataclass(frozen=True, slots=True)
class HeldSeat:
    """A seat held for us until a time; the reference is the provider's name for the hold."""

    reference: str
    service: str
    coach: int
    seat: int


@dataclass(frozen=True, slots=True)
class HeldUnit:
    """A unit of a product or supplement held for us until a time; the reference is as for a seat."""

    reference: str
    item: str
    service: str | None
    day: date | None


Held = HeldSeat | HeldUnit


class Inventory(Protocol):
    """Holds and sells the seats of departures, and the stock of products and supplements that have a capacity."""

    @property
    def external(self) -> bool:
        """Whether the provider is outside our database."""

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold seats and units until a time, all or none; the same key returns the same seats and units.

        Returns them in the order of the requests, seats side by side where possible. Raises NoSeatsLeftError,
        NoStockLeftError, SeatIsTakenError, NoSuchSeatError, and HoldIsGoneError for a key that was released before.
        """

    def release(self, tenant: str, key: str) -> None:
        """Release what is held under a key, if anything; from then on the key can hold nothing."""

    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        """Release these held or sold seats and units; those that are already free are left alone."""

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        """Extend holds to last at least until a time, all or none. Raises HoldIsGoneError."""

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> None:
        """Sell what is `taken` permanently and release what is `given_up`, all or none. Raises HoldIsGoneError."""

    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        """Return for each request how many seats or units are free, whatever it counts; nothing is held.

        Those under the references `own` count as free. None where the inventory does not know the service or item.
        A search for offers asks; if this raises ProviderUnavailableError, it shows offers as if all were free.
        """


@dataclass(frozen=True, slots=True)
class OfferSearch:
    """A search for offers: a product, a service, or a product on a service, for travellers, from a time.

    Without a service, a product with departures is offered on the first departure of that day from `valid_from` on.
    """

    product: str | None
    service: str | None
    valid_from: datetime | None
    time_zone: str
    travellers: tuple["SearchTraveller", ...]


@dataclass(frozen=True, slots=True)
class SearchTraveller:
    """The part of a traveller that a price depends on."""

    id: str
    birth_date: date | None


class OfferCatalogue(Protocol):
    """The products on sale, and their prices for travellers."""

    @property
    def external(self) -> bool:
        """Whether the provider is outside our database."""

    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        """Return the bundles on sale, each for all travellers of the search."""

    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        """Return products by id; unknown ones are absent."""

    def variants(self, tenant: str, parent: str) -> Sequence[Product]:
        """Return the products that are variants of a parent product."""

    def supplements(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Supplement]:
        """Return supplements by id; unknown ones are absent."""

    def services(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Service]:
        """Return services by id; unknown ones are absent."""


class PaymentProvider(Protocol):
    """Authorises, captures, voids and refunds payments."""

    @property
    def external(self) -> bool:
        """Whether the provider is outside our database."""

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
        """Authorise a payment and return the provider's reference. Raises PaymentDeclinedError."""

    def void(self, tenant: str, key: str) -> None:
        """Void the authorisation under a key, if any; from then on the key can authorise nothing."""

    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        """Make all these moves or none. A capture of a part lets go of the rest.

        Raises PaymentDeclinedError, or RefundDeclinedError with the payment that declined.
        A repeated call under the same key gives the first result again, a refusal too, and moves nothing. A step uses
        this to find out an unknown outcome. After a declined refund the step settles under another key, without the
        payment that declined.
        """
