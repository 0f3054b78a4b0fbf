"""Priced promises, valid until an instant."""

from datetime import datetime

from domain.model import Code, Day, Flag, Instant, Model, Number
from domain.money import Money, total
from domain.refusals import OfferNotFound


class Service(Model):
    """One departure that seats are sold on."""

    id: Code
    railway_line: Code
    departs_at: Instant
    day: Day
    """The local day of departure: the first day of validity of everything sold on it."""

    def departed(self, now: datetime) -> bool:
        """Whether it has left; at the very instant of departure it has."""
        return now >= self.departs_at


class OfferedTraveller(Model):
    """One traveller an offer maps, with what they pay and the details the price was made from."""

    id: Code
    birth_date: Day | None = None
    price: Money


class Offer(Model):
    """One product at one price for the travellers it maps.

    A group product has one price for all of them, and its travellers pay nothing by themselves.
    """

    id: str
    product: Code
    travellers: tuple[OfferedTraveller, ...]
    smallest: Number
    largest: Number
    group: Flag = False
    group_price: Money | None = None

    def price_of(self, travellers: tuple[str, ...]) -> Money:
        """Return what these mapped travellers pay together."""
        if self.group_price is not None:
            return self.group_price
        prices = [each.price for each in self.travellers if each.id in travellers]
        return total(prices, self.travellers[0].price.currency)

    def full_price(self) -> Money:
        """Return what all mapped travellers pay together."""
        return self.price_of(tuple(each.id for each in self.travellers))


class OfferBundle(Model):
    """Offers taken or left together: one total, one expiry."""

    id: str
    currency: str
    order: str | None = None
    """The only order it may be taken for; None for any."""
    service: Code | None
    valid_from: Instant
    first_day: Day
    expires_at: Instant
    offers: tuple[Offer, ...]

    @property
    def total(self) -> Money:
        """What the whole bundle costs."""
        return total((offer.full_price() for offer in self.offers), self.currency)

    def offers_taken(self, offer_id: str | None) -> tuple[Offer, ...]:
        """Return the one offer named, or all of them; OfferNotFound for one of another bundle."""
        offers = tuple(offer for offer in self.offers if offer_id in (None, offer.id))
        if not offers:
            raise OfferNotFound
        return offers

    def expired(self, now: datetime) -> bool:
        """Whether it may not be taken any more; at the very instant of its expiry it may not."""
        return now >= self.expires_at
