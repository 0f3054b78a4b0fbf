"""Finds bundles for a product configuration, or says why there are none."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from api.context import ApiContext
from api.discover.json_format import ResponseModel
from api.discover.messages import ValidationMessage, refusing
from api.discover.orders import CURRENCY
from api.discover.requests import ProductIn
from api.discover.time_zones import local
from api.http.birth_dates import possible
from api.services.search_offers import find_bundles
from domain.ages import day_of
from domain.model import is_code
from domain.offers import Offer, OfferBundle, OfferedTraveller
from domain.products import Product, without_price
from domain.travellers import Traveller
from providers.protocols import OfferSearch, SearchTraveller


class OfferOut(ResponseModel):
    """What one traveller gets, in Rappen; a group shares one offer."""

    id: str
    expires_at: str
    title: str
    description: str
    traveler_id: str | None = None
    price: int = Field(description="In Rappen.")
    currency: str


class OfferBundleOut(ResponseModel):
    """Offers taken or left together."""

    id: str
    total_price: int = Field(description="In Rappen.")
    currency: str
    expires_at: str
    offer: list[OfferOut]


class OffersResponse(ResponseModel):
    """The bundles found, or why there are none."""

    validation_messages: list[ValidationMessage]
    offer_bundle: list[OfferBundleOut]


@dataclass(frozen=True)
class OfferQuery:
    """A product configuration with nothing left open."""

    products: Sequence[Product]
    valid_from: datetime | None
    zone: str
    travellers: tuple[Traveller, ...]
    sent: tuple[Traveller, ...]
    """Of these, what the client said of whom."""
    item: str | None
    """The number of the item it is for."""


def products_named(ctx: ApiContext, named: ProductIn) -> Sequence[Product]:
    """Return the product named, or the variants of it, as far as it is sold in francs."""
    found: Sequence[Product] = ()
    if named.identifier and is_code(named.identifier):
        found = list(ctx.offers.products(ctx.tenant, [named.identifier]).values())
    elif named.product_identifier and not named.identifier:
        found = ctx.offers.variants(ctx.tenant, named.product_identifier)
    return [each for each in found if each.currency == CURRENCY]


def find(ctx: ApiContext, query: OfferQuery, order: str | None) -> tuple[list[OfferBundle], list[ValidationMessage]]:
    """Return bundles that only this order may take; when there are none, why."""
    if not query.products:
        return [], [refusing("orderitem_product_incorrect", query.item)]
    if query.valid_from is None:
        return [], [refusing("productconfiguration_valid_from_absent", query.item)]
    unborn = _unborn(ctx, query)
    if unborn:
        return [], [refusing("traveler_incorrect_birthdate", query.item, each) for each in unborn]
    who = tuple(SearchTraveller(each.id, each.birth_date) for each in query.travellers)
    found = [
        bundle
        for product in query.products
        for bundle in find_bundles(ctx, OfferSearch(product.id, None, query.valid_from, query.zone, who), order)
    ]
    return found, [] if found else _why_none(query, query.valid_from)


def _unborn(ctx: ApiContext, query: OfferQuery) -> list[str]:
    """Return travellers whose birth date is missing where a price needs it, or cannot be."""
    today = ctx.store.now().date()
    needed = any("birth_date" in product.fields_for_offer for product in query.products)
    return [
        each.id
        for each in query.travellers
        if (needed if each.birth_date is None else not possible(each.birth_date, today))
    ]


def _why_none(query: OfferQuery, valid_from: datetime) -> list[ValidationMessage]:
    births = [(each.id, each.birth_date) for each in query.travellers]
    day = day_of(valid_from, query.zone)
    aged = dict.fromkeys(each for product in query.products for each in without_price(product, births, day))
    return [refusing("traveler_age_not_offered", query.item, each) for each in aged] or [
        refusing("offer_not_available", query.item)
    ]


def bundle_out(bundle: OfferBundle, products: Sequence[Product], zone: str) -> OfferBundleOut:
    """Return a bundle as it goes over the wire, its expiry with the offset of the zone."""
    titles = {product.id: product for product in products}
    expires = local(bundle.expires_at, zone)
    return OfferBundleOut(
        id=bundle.id,
        total_price=bundle.total.minor,
        currency=bundle.currency,
        expires_at=expires,
        offer=[each for offer in bundle.offers for each in _offers(offer, titles[offer.product], expires)],
    )


def _offers(offer: Offer, product: Product, expires: str) -> list[OfferOut]:
    said = {"expires_at": expires, "title": product.title or product.name, "description": product.description}
    whole = offer.full_price()
    if offer.group:
        return [OfferOut(**said, id=offer.id, price=whole.minor, currency=whole.currency)]
    return [_of_traveller(offer, each, said) for each in offer.travellers]


def _of_traveller(offer: Offer, each: OfferedTraveller, said: dict[str, str]) -> OfferOut:
    return OfferOut(
        **said,
        id=str(uuid.uuid5(uuid.UUID(offer.id), each.id)),
        traveler_id=each.id,
        price=each.price.minor,
        currency=each.price.currency,
    )
