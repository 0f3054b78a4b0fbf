"""Searches offer bundles for a product configuration, or returns the reasons why there are none."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from api.context import ApiContext
from api.discover.json_format import ResponseModel
from api.discover.messages import ValidationMessage, refusal_message
from api.discover.requests import ProductIn
from api.discover.time_zones import local
from api.discover.views import CURRENCY
from api.http.birth_dates import is_possible_birth_date
from api.services.search_offers import find_offers
from domain.ages import day_of
from domain.model import is_code
from domain.offers import Offer, OfferBundle, OfferedTraveller
from domain.products import Product, without_price
from domain.travellers import Traveller
from providers.bounded_calls import one_deadline
from providers.protocols import OfferSearch, SearchTraveller


class OfferOut(ResponseModel):
    """The offer for one traveller, in Rappen; a group shares one offer."""

    id: str
    expires_at: str
    title: str
    description: str
    traveler_id: str | None = None
    price: int = Field(description="In Rappen.")
    currency: str


class OfferBundleOut(ResponseModel):
    """Offers that are only sold together."""

    id: str
    total_price: int = Field(description="In Rappen.")
    currency: str
    expires_at: str
    offer: list[OfferOut]


class OffersResponse(ResponseModel):
    """The bundles found, or the reasons why there are none."""

    validation_messages: list[ValidationMessage]
    offer_bundle: list[OfferBundleOut]


@dataclass(frozen=True)
class OfferQuery:
    """A product configuration completed from the order's item: the input of a search."""

    products: Sequence[Product]
    valid_from: datetime | None
    zone: str
    travellers: tuple[Traveller, ...]
    sent: tuple[Traveller, ...]
    """The travellers with only the details this request sent."""
    item: str | None
    """Number of the item the search is for."""


def find_products(ctx: ApiContext, product: ProductIn) -> Sequence[Product]:
    """Return the identified product, or all variants of it that are not withdrawn; only those in Swiss francs."""
    products: Sequence[Product] = ()
    if product.identifier and is_code(product.identifier):
        products = list(ctx.offers.products(ctx.tenant, [product.identifier]).values())
    elif product.product_identifier and not product.identifier:
        variants = ctx.offers.variants(ctx.tenant, product.product_identifier)
        products = [each for each in variants if not each.withdrawn]
    return [each for each in products if each.currency == CURRENCY]


def search_bundles(
    ctx: ApiContext, query: OfferQuery, order: str | None
) -> tuple[list[OfferBundle], list[ValidationMessage]]:
    """Return bundles that only this order may use; if there are none, the reasons."""
    if not query.products:
        return [], [refusal_message("orderitem_product_incorrect", query.item)]
    if query.valid_from is None:
        return [], [refusal_message("productconfiguration_valid_from_absent", query.item)]
    now = ctx.store.now()
    if all(each.too_far_ahead(query.valid_from, query.zone, now) for each in query.products):
        return [], [refusal_message("productconfiguration_valid_from_too_far_ahead", query.item)]
    invalid = _invalid_birth_dates(ctx, query)
    if invalid:
        return [], [refusal_message("traveler_incorrect_birthdate", query.item, each) for each in invalid]
    travellers = tuple(SearchTraveller(each.id, each.birth_date) for each in query.travellers)
    searches = (OfferSearch(each.id, None, query.valid_from, query.zone, travellers) for each in query.products)
    with one_deadline():
        found = [find_offers(ctx, search, order, for_order_only=True) for search in searches]
    bundles = [bundle for each in found for bundle in each.bundles]
    if not bundles and any(each.left_out for each in found):
        return [], [refusal_message("sold_out", query.item)]
    return bundles, [] if bundles else _refusal_reasons(query, query.valid_from)


def _invalid_birth_dates(ctx: ApiContext, query: OfferQuery) -> list[str]:
    """Return ids of travellers whose birth date is impossible, or missing although a price needs it."""
    today = ctx.store.now().date()
    needed = any("birth_date" in product.fields_for_offer for product in query.products)
    return [
        each.id
        for each in query.travellers
        if (needed if each.birth_date is None else not is_possible_birth_date(each.birth_date, today))
    ]


def _refusal_reasons(query: OfferQuery, valid_from: datetime) -> list[ValidationMessage]:
    birth_dates = [(each.id, each.birth_date) for each in query.travellers]
    day = day_of(valid_from, query.zone)
    unpriced = dict.fromkeys(each for product in query.products for each in without_price(product, birth_dates, day))
    return [refusal_message("traveler_age_not_offered", query.item, each) for each in unpriced] or [
        refusal_message("offer_not_available", query.item)
    ]


def bundle_out(bundle: OfferBundle, products: Sequence[Product], zone: str) -> OfferBundleOut:
    """Return a bundle in discover.swiss's format; its expiry has the UTC offset of the zone."""
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
    common = {"expires_at": expires, "title": product.title or product.name, "description": product.description}
    full_price = offer.full_price()
    if offer.group:
        return [OfferOut(**common, id=offer.id, price=full_price.minor, currency=full_price.currency)]
    return [_traveller_offer(offer, each, common) for each in offer.travellers]


def _traveller_offer(offer: Offer, each: OfferedTraveller, common: dict[str, str]) -> OfferOut:
    return OfferOut(
        **common,
        id=str(uuid.uuid5(_namespace(offer.id), each.id)),
        traveler_id=each.id,
        price=each.price.minor,
        currency=each.price.currency,
    )


def _namespace(offer: str) -> uuid.UUID:
    """Return a UUID for an offer's id, which an external catalogue chooses."""
    try:
        return uuid.UUID(offer)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, offer)
