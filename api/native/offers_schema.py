"""Request and response models of the offer search in the native API."""

from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, Field, model_validator

from api.native.amounts import Amount, amount
from domain.ages import day_of
from domain.model import Code, Day, Instant, Model
from domain.offers import Offer, OfferBundle
from domain.operations import MAX_TRAVELLERS
from domain.products import Product, Supplement


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be an IANA time zone")
    return name


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


class OfferOut(BaseModel):
    """One product for some of the travellers."""

    id: str
    product: str
    name: str
    price: Amount
    group: bool = Field(description="Whether all travellers share one order line.")
    min_travellers: int
    max_travellers: int
    travellers: list[TravellerPrice]
    supplements: list[SupplementOut]


class BundleOut(BaseModel):
    """Offers that can only be bought together."""

    id: str
    total: Amount
    currency: str
    service: str | None
    valid_from: datetime
    expires_at: datetime
    offers: list[OfferOut]


class BundlesOut(BaseModel):
    """The offer bundles found; empty if no product suits these travellers."""

    offer_bundles: list[BundleOut]


def bundle_out(bundle: OfferBundle, products: dict[str, Product], supplements: dict[str, Supplement]) -> BundleOut:
    """Convert an offer bundle."""
    return BundleOut(
        id=bundle.id,
        total=amount(bundle.total),
        currency=bundle.currency,
        service=bundle.service,
        valid_from=bundle.valid_from,
        expires_at=bundle.expires_at,
        offers=[_offer_out(offer, products[offer.product], supplements) for offer in bundle.offers],
    )


def _offer_out(offer: Offer, product: Product, supplements: dict[str, Supplement]) -> OfferOut:
    sold_supplements = [supplements[each] for each in product.supplements if each in supplements]
    return OfferOut(
        id=offer.id,
        product=product.id,
        name=product.name,
        price=amount(offer.full_price()),
        group=offer.group,
        min_travellers=offer.smallest,
        max_travellers=offer.largest,
        travellers=[TravellerPrice(id=each.id, price=amount(each.price)) for each in offer.travellers],
        supplements=[
            SupplementOut(id=each.id, name=each.name, price=amount(each.price), changes_seating=each.changes_seating)
            for each in sold_supplements
        ],
    )
