"""Offers and offer bundles, priced and valid until an instant."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from domain.model import Code, Day, Flag, Instant, Model, Number
from domain.money import Money, total
from domain.refusals import OfferNotFound
from domain.terms import Terms


class Service(Model):
    """One departure with seats for sale."""

    id: Code
    railway_line: Code
    departs_at: Instant
    day: Day
    """The local day of departure, which is the first day of validity of every line sold on it."""
    cancelled: Flag = False
    """Whether it does not run: it never departs, and its lines are given up without a fee and paid back."""

    def departed(self, now: datetime) -> bool:
        """Whether the service has departed; true at the instant of departure, never when it is cancelled."""
        return not self.cancelled and now >= self.departs_at


class OfferedTraveller(Model):
    """A traveller an offer is priced for, with their price, the birth date it depends on, and their age band."""

    id: Code
    birth_date: Day | None = None
    price: Money
    seat: Flag = True
    """Whether a seat is held; a lap infant has none."""
    accompanied: Flag = False
    """Whether another traveller without this mark has to be on the same service."""
    accompanies: Number = 1
    """How many accompanied travellers this one may accompany."""


class Offer(Model):
    """One product, priced for some travellers; price, tax rate and terms are promised together.

    A group product has one price for all of them, and the price of each traveller is zero.
    """

    id: str
    product: Code
    tax_rate: Decimal
    terms: Terms
    valid_until: Instant | None = None
    """The end of validity; None with a service, or when it never ends."""
    last_day: Day | None = None
    """The local day of the last instant of validity; None when validity has no end of its own."""
    travellers: tuple[OfferedTraveller, ...]
    smallest: Number
    largest: Number
    group: Flag = False
    group_price: Money | None = None

    def price_of(self, travellers: tuple[str, ...]) -> Money:
        """Return the price for some of the offer's travellers together."""
        if self.group_price is not None:
            return self.group_price
        prices = [each.price for each in self.travellers if each.id in travellers]
        return total(prices, self.travellers[0].price.currency)

    def full_price(self) -> Money:
        """Return the price for all of the offer's travellers together."""
        return self.price_of(tuple(each.id for each in self.travellers))


class OfferBundle(Model):
    """Offers that are sold together, with one total and one expiry."""

    id: str
    currency: str
    order: str | None = None
    """The only order that may take the bundle; None for any."""
    service: Code | None
    valid_from: Instant
    first_day: Day
    expires_at: Instant
    offers: tuple[Offer, ...]

    @property
    def total(self) -> Money:
        """The price of the whole bundle."""
        return total((offer.full_price() for offer in self.offers), self.currency)

    def offers_taken(self, offer_id: str | None) -> tuple[Offer, ...]:
        """Return the offer with an id, or all offers for None; OfferNotFound when the bundle has no such offer."""
        offers = tuple(offer for offer in self.offers if offer_id in (None, offer.id))
        if not offers:
            raise OfferNotFound
        return offers

    def expired(self, now: datetime) -> bool:
        """Whether the bundle has expired; true at the instant of its expiry."""
        return now >= self.expires_at


class SoldOnService(Protocol):
    """What was sold or offered on a service, or without one: an order line or a bundle."""

    @property
    def service(self) -> str | None:
        """The service's id."""

    @property
    def valid_from(self) -> datetime:
        """With a service: its departure, as it was sold."""

    @property
    def first_day(self) -> date:
        """With a service: its local day of departure."""


def services_of(known: Mapping[str, Service], sold: Iterable[SoldOnService]) -> dict[str, Service]:
    """Return the services of lines and bundles; one that the catalogue does not have any more departs as it was sold.

    Else the rules of time (T1) would not hold for it.
    """
    gone = {
        each.service: Service(
            id=each.service, railway_line=each.service, departs_at=each.valid_from, day=each.first_day
        )
        for each in sold
        if each.service is not None and each.service not in known
    }
    return {**known, **gone}
