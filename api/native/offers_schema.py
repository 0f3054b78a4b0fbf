"""Request and response models of the offer search in the native API."""

from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, Field, model_validator

from api.native.amounts import Amount, amount
from api.services.availability import MOST_SHOWN, Availability
from domain.ages import day_of
from domain.model import Code, Day, Flag, Instant, Model
from domain.offers import Offer, OfferBundle
from domain.operations import MAX_TRAVELLERS


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be an IANA time zone")
    return name


Left = Annotated[int, Field(ge=0, le=MOST_SHOWN)]
"""How much is left; the highest number means as much or more, or that no limit is known."""
ZoneIn = Annotated[str, Field(strict=True, max_length=64, examples=["Europe/Oslo"]), AfterValidator(_zone)]


class SearchedTraveller(Model):
    """A traveller: an id chosen by the client, and the birth date, on which most prices depend."""

    id: Code
    birth_date: Day | None = None


class OfferSearchIn(Model):
    """What to search: a product, a service, or a product on a service."""

    product: Code | None = None
    service: Code | None = None
    valid_from: Instant | None = Field(
        default=None,
        description="First instant of validity. A train product uses its next departure that day from this instant.",
    )
    time_zone: ZoneIn = Field(default="UTC", description="The time zone that decides the day of valid_from.")
    travellers: tuple[SearchedTraveller, ...] = Field(min_length=1, max_length=MAX_TRAVELLERS)
    order: Code | None = Field(
        default=None, description="The order that an offer is for: what it has counts as free, as in an exchange."
    )
    sold_out: Flag = Field(default=False, description="Whether to return also offers of which too little is left.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "service": "4711-2027-03-01",
                    "product": "standard",
                    "travellers": [{"id": "maria", "birth_date": "1990-05-04"}],
                }
            ]
        }
    }

    @model_validator(mode="after")
    def _check_search(self) -> "OfferSearchIn":
        if self.service is None and (self.product is None or self.valid_from is None):
            raise ValueError("name a service, or a product with valid_from")
        if self.valid_from:
            day_of(self.valid_from, self.time_zone)
        if len({each.id for each in self.travellers}) != len(self.travellers):
            raise ValueError("the same traveller is named twice")
        return self


class TravellerPrice(BaseModel):
    """A traveller of an offer, and their price."""

    id: str
    price: Amount


class SupplementOut(BaseModel):
    """A supplement that can be added."""

    id: str
    name: str
    price: Amount
    changes_seating: bool


class OfferedSupplementOut(SupplementOut):
    """A supplement that can be added, and how many are left."""

    available: Left = Field(description="How many are left on the service or day; 0 if it is sold out.")


class OfferOut(BaseModel):
    """One product for some of the travellers."""

    id: str
    product: str
    name: str
    price: Amount
    available: Left = Field(description="For how many travellers it is left; for a group, for how many such groups.")
    group: bool = Field(description="Whether all travellers share one order line.")
    min_travellers: int
    max_travellers: int
    travellers: list[TravellerPrice]
    supplements: list[OfferedSupplementOut]


class BundleOut(BaseModel):
    """Offers that can only be bought together."""

    id: str
    total: Amount
    available: Left = Field(description="How often it is left: as often as the offer of which the least is left.")
    currency: str
    service: str | None
    valid_from: datetime
    expires_at: datetime
    offers: list[OfferOut]


class BundlesOut(BaseModel):
    """The offer bundles found; empty if no product suits these travellers."""

    offer_bundles: list[BundleOut]


def bundle_out(bundle: OfferBundle, availability: Availability) -> BundleOut:
    """Convert an offer bundle, with what is left of it."""
    return BundleOut(
        id=bundle.id,
        total=amount(bundle.total),
        available=availability.of_bundle(bundle),
        currency=bundle.currency,
        service=bundle.service,
        valid_from=bundle.valid_from,
        expires_at=bundle.expires_at,
        offers=[_offer_out(bundle, offer, availability) for offer in bundle.offers],
    )


def _offer_out(bundle: OfferBundle, offer: Offer, availability: Availability) -> OfferOut:
    product = availability.products[offer.product]
    return OfferOut(
        id=offer.id,
        product=product.id,
        name=product.name,
        price=amount(offer.full_price()),
        available=availability.of_offer(bundle, offer),
        group=offer.group,
        min_travellers=offer.smallest,
        max_travellers=offer.largest,
        travellers=[TravellerPrice(id=each.id, price=amount(each.price)) for each in offer.travellers],
        supplements=[
            OfferedSupplementOut(
                id=each.id,
                name=each.name,
                price=amount(each.price),
                available=availability.of_supplement(bundle, offer, each.id),
                changes_seating=each.changes_seating,
            )
            for each in availability.supplements_of(offer)
        ],
    )
