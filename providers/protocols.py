"""What we ask of a provider. Everything is keyed by us, before the attempt, so that asking twice is safe.

`outside` says whether the provider leaves our database: then asking is remembered before the call and
the step runs on the provider's own task queue. An embedded provider joins the step's transaction.
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
    """Seats wanted together on one service: these by name, or any."""

    service: str
    count: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldSeat:
    """A seat that is ours until a time; the reference is the provider's name for the hold."""

    reference: str
    service: str
    coach: int
    seat: int


class SeatInventory(Protocol):
    """Who sits where on which departure."""

    @property
    def external(self) -> bool:
        """Whether it leaves our database."""

    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        """Hold seats until a time, all or none; the same key gets the same seats.

        Answers in the order asked, side by side where possible. Raises NoSeatsLeftError,
        SeatIsTakenError, NoSuchSeatError, and HoldIsGoneError for a key already released.
        """

    def release(self, tenant: str, key: str) -> None:
        """Give back what is held under a key, if anything; the key holds nothing ever after."""

    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        """Give back these holds or sold seats; those already free are left alone."""

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        """Let holds last at least until a time, all or none. Raises HoldIsGoneError."""

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> None:
        """Make holds ours for good and give up others, in one act. Raises HoldIsGoneError."""


@dataclass(frozen=True, slots=True)
class OfferSearch:
    """What offers are looked for: a product, a service, or a product on a service; for whom, from when.

    Without a service, a product with departures is looked for on the first one of that day from `valid_from` on.
    """

    product: str | None
    service: str | None
    valid_from: datetime | None
    time_zone: str
    travellers: tuple["SearchTraveller", ...]


@dataclass(frozen=True, slots=True)
class SearchTraveller:
    """A traveller as far as the search needs to know them."""

    id: str
    birth_date: date | None


class OfferCatalogue(Protocol):
    """What is sold, and at what price to whom."""

    @property
    def external(self) -> bool:
        """Whether it leaves our database."""

    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        """Return the bundles that may be taken, each keeping its travellers together."""

    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        """Return products by id; unknown ones are absent."""

    def variants(self, tenant: str, parent: str) -> Sequence[Product]:
        """Return the products that are variants of one."""

    def supplements(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Supplement]:
        """Return supplements by id; unknown ones are absent."""

    def services(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Service]:
        """Return services by id; unknown ones are absent."""


class PaymentProvider(Protocol):
    """Where money is set aside, taken and paid back."""

    @property
    def external(self) -> bool:
        """Whether it leaves our database."""

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
        """Set money aside and return the provider's reference. Raises PaymentDeclinedError."""

    def void(self, tenant: str, key: str) -> None:
        """Let go what was set aside under a key, if anything; the key sets nothing aside ever after."""

    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        """Make all these moves or none. Raises PaymentDeclinedError or RefundDeclinedError.

        Asked again under the same key it answers as the first time: that is how an unknown outcome
        is inquired.
        """
