"""The protocols of providers. We choose the key of every call before the first attempt, so a retry is safe.

`external` is true for a provider outside our database. Then the step commits a record before it calls the
provider, and runs on the provider's own task queue. An embedded provider joins the step's transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from domain.money import Money
from domain.offers import OfferBundle, Service
from domain.products import Product, Supplement
from domain.provider_events import ProviderEvent


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
    until: datetime | None = None
    """Until when the provider really holds it, if that is earlier than requested; None: as long as requested."""


@dataclass(frozen=True, slots=True)
class HeldUnit:
    """A unit of a product or supplement held for us until a time; the reference is as for a seat."""

    reference: str
    item: str
    service: str | None
    day: date | None
    until: datetime | None = None
    """As for a seat."""


Held = HeldSeat | HeldUnit


class HoldState(StrEnum):
    """What an inventory knows of a key."""

    NOTHING = "nothing"
    """Nothing was ever held under it, and it was never released."""
    HELD = "held"
    """Of what was held under it, some is held and not sold."""
    SOLD = "sold"
    """All that is left of what was held under it is sold."""
    GIVEN_BACK = "given_back"
    """It holds nothing any more, and can hold nothing: it was released, or all under it was, or the hold has ended."""
    CANNOT_SAY = "cannot_say"
    """The inventory cannot know, for example because it finds keys by a search that may lag."""


@dataclass(frozen=True, slots=True)
class FoundHold:
    """What an inventory knows of a key, with what it holds or has sold under it in the order of its requests."""

    state: HoldState
    held: tuple[Held, ...] = ()


class ActState(StrEnum):
    """What became of a sale or a release at an inventory."""

    DONE = "done"
    PENDING = "pending"
    """It is accepted and not done yet. It counts as not done, and is requested again under the same key.

    Until it is done `find` and `held_by_us` say what was so before. What is to be sold does not end meanwhile.
    """


class CountsFreePlaces(Protocol):
    """The part of an inventory that only says what is free."""

    @property
    def external(self) -> bool:
        """Whether the provider is outside our database."""

    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        """Return for each request how many seats or units are free, whatever it counts; nothing is held.

        Those under the references `own` count as free. None where the inventory does not know the service or item.
        A search for offers asks; if this raises ProviderUnavailableError, it shows offers as if all were free.
        """


class Inventory(CountsFreePlaces, Protocol):
    """Holds and sells the seats of departures, and the stock of products and supplements that have a capacity.

    What it answers is compared with what was requested (providers/inventory_answers.py). An answer that differs is a
    fault: its hold is released under its key, and nothing of it is kept.
    """

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold seats and units until a time, or an earlier one that each names, all or none.

        The same key returns the same seats and units.

        Returns them in the order of the requests, and of the names in a request; other seats side by side where
        possible. Raises NoSeatsLeftError, NoStockLeftError, SeatIsTakenError, NoSuchSeatError, and HoldIsGoneError for
        a key that was released before.
        """

    def find(self, tenant: str, key: str) -> FoundHold:
        """Return what the inventory knows of a key under which something was to be held; nothing is changed.

        A step asks before it believes a refusal that follows an attempt without an answer. NOTHING must come from an
        exact look-up, never from a search that may lag: then it is CANNOT_SAY. Raises ProviderUnavailableError.
        """

    def release(self, tenant: str, key: str) -> ActState:
        """Release what is held under a key, if anything; from then on, pending or done, the key can hold nothing."""

    def release_references(self, tenant: str, references: Sequence[str]) -> ActState:
        """Release these held or sold seats and units; those that are already free are left alone."""

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        """Extend holds to last at least until a time, all or none; no hold is shortened.

        Raises HoldIsGoneError, and HoldCostsMoneyError if it has a price: we accept none.
        Returns until when all of them really last, if that is earlier than requested; None: as long as requested.
        """

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        """Sell what is `taken` permanently and release what is `given_up`, all or none.

        Raises HoldIsGoneError, also for what was pending: then nothing was sold and nothing released.
        """


@dataclass(frozen=True, slots=True)
class BookedPlace:
    """A seat or unit that an inventory's own book has under one of our keys."""

    key: str
    held: Held
    sold: bool


@runtime_checkable
class ListsHolds(Protocol):
    """What an inventory may offer besides: it lists its book, so that it can be compared with our reservations."""

    def held_by_us(self, tenant: str) -> Iterable[BookedPlace]:
        """Return all that is held or sold under our keys, in any order; what has been travelled may be missing.

        It may be read while orders change: what differs is looked at again. Raises ProviderUnavailableError.
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
    """The products on sale, and their prices for travellers.

    An external one is never called within a transaction. It raises ProviderUnavailableError when it has no answer; any
    other error, an answer that is late, and one that violates the rules of a catalogue (M7) count as the same.
    """

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


@dataclass(frozen=True, slots=True)
class Authorised:
    """An authorised payment; the reference is the provider's name for it, and handed back with each act on it."""

    reference: str
    expires_at: datetime | None = None
    """When the authorisation ends by itself; None: it does not."""


class RefundState(StrEnum):
    """What became of a refund."""

    DONE = "done"
    PENDING = "pending"
    """It is accepted and not paid yet. It counts as refunded, and `find` is asked again later."""
    FAILED = "failed"
    """It was pending and was not paid. Only `find` answers this."""


class FoundState(StrEnum):
    """What a payment provider knows of a key."""

    NOTHING = "nothing"
    """Nothing was done under the key. Only an exact reading says so, never a search that may lag behind."""
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    REFUNDED = "refunded"
    VOIDED = "voided"
    """The authorisation is voided or has ended by itself, or the key is withdrawn."""
    CANNOT_SAY = "cannot_say"


@dataclass(frozen=True, slots=True)
class Found:
    """What a payment provider knows of a key: of an authorisation, of a capture, or of a refund."""

    state: FoundState
    amount: Money | None = None
    """The amount that was authorised, captured or refunded, as the state says."""
    reference: str | None = None
    """The reference of the authorisation or, once it is captured, of the capture."""
    expires_at: datetime | None = None
    refund: RefundState | None = None
    """What became of the refund, if it is one."""


class PaymentProvider(Protocol):
    """Authorises, captures, voids and refunds payments: each act once per key, a refusal too.

    A call under a known key gives the first answer again and moves nothing.
    """

    @property
    def external(self) -> bool:
        """Whether the provider is outside our database."""

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        """Authorise a payment. Raises PaymentDeclinedError, and ActionRequiredError when its payer must act first."""

    def void(self, tenant: str, key: str, reference: str | None, token: str | None = None) -> None:
        """Void the authorisation under a key, if any; from then on the key can authorise nothing.

        The reference is None where the answer to the authorisation was lost: then the provider finds it by the key, and
        `token` is what the key was to authorise with, as for `find`.
        """

    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        """Capture an amount of an authorisation, which lets go of the rest; return the reference of the capture.

        Raises PaymentDeclinedError, and AuthorisationEndedError when the authorisation has ended by itself.
        """

    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        """Refund an amount of a capture, by its reference. Raises RefundDeclinedError."""

    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        """Return what is known of a key, whatever was asked under it.

        `token` is what an authorisation of unknown outcome was requested with. A provider that does not find keys
        exactly may look where the token leads. None: it is another act's key, or the request is erased.

        A capture, a refund and a void of which the answer was lost are found so, and an authorisation by its own key
        as what it has become.
        """


class MovementKind(StrEnum):
    """The kinds of movements in a payment provider's book."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    REFUND = "refund"
    VOID = "void"
    """An authorisation is let go of: voided by us, or ended by itself."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement in a payment provider's own book."""

    kind: MovementKind
    payment: str
    """Our key of the authorisation that it belongs to."""
    amount: Money | None
    """None for a void under a key that had authorised nothing."""


@dataclass(frozen=True, slots=True)
class MovementPage:
    """Some movements of a book: payments in any order, and those of a payment in the order in which they were made."""

    movements: tuple[Movement, ...]
    next: str | None
    """Where the next page begins; None on the last page."""


@runtime_checkable
class ListsMovements(Protocol):
    """What a payment provider may offer besides: it lists its book, so that it can be compared with our ledger.

    Both raise ProviderUnavailableError when the book cannot be read.
    """

    def movements(self, tenant: str, after: str | None) -> MovementPage:
        """Return the first page of all movements, or the page at `next` of the page before."""

    def movements_of(self, tenant: str, payment: str) -> Sequence[Movement]:
        """Return the movements of one payment, by the key of its authorisation; none for an unknown key."""


@runtime_checkable
class SendsEvents(Protocol):
    """What a payment provider may offer besides: it notifies us of what happens later, by signed events.

    An event may be delivered twice, late, and after a newer one. So it only says where to look: what became of the key
    is read by `find` wherever that can say.
    """

    def read_event(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        """Verify the signature of a delivery on its raw body, and return the event; None for one that is not ours.

        The names of the headers are in lower case. The tenant is one whose account has signed, and no other's.

        Raises EventNotVerifiedError for a delivery that is not signed, was altered, or was signed more than five
        minutes ago, EventUnreadableError for one that is signed and cannot be read, and ProviderUnavailableError when
        something has to be looked up and cannot be: the provider then delivers the event again.
        """
