"""Builds offers from products with prices by age; any catalogue with such products can use it."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from domain.ages import day_of
from domain.money import Money
from domain.offers import Offer, OfferBundle, OfferedTraveller, Service
from domain.products import Product, price_for
from providers.protocols import OfferSearch, SearchTraveller


def build_bundle(
    product: Product, search: OfferSearch, service: Service | None, now: datetime, life: timedelta
) -> OfferBundle | None:
    """Return the bundle of one product for all travellers of a search, or None when the product does not fit them.

    `life` is how long the bundle is valid.
    """
    valid_from = service.departs_at if service else search.valid_from
    if valid_from is None:
        return None
    first_day = service.day if service else day_of(valid_from, search.time_zone)
    offer = _build_offer(product, search.travellers, first_day)
    if offer is None:
        return None
    return OfferBundle(
        id=str(uuid.uuid4()),
        currency=product.currency,
        service=service.id if service else None,
        valid_from=valid_from,
        first_day=first_day,
        # Whole seconds, as the API writes times: at the instant that a client reads, the bundle has expired.
        expires_at=(now + life).replace(microsecond=0),
        offers=(offer,),
    )


def _build_offer(product: Product, travellers: Sequence[SearchTraveller], first_day: date) -> Offer | None:
    """Return the offer for a group, or None when one traveller has no price or the group size is not allowed."""
    size = product.group
    smallest, largest = (size.smallest, size.largest) if size else (1, len(travellers))
    if not smallest <= len(travellers) <= largest:
        return None
    prices = [_find_price(product, each, first_day) for each in travellers]
    priced = [
        OfferedTraveller(id=each.id, birth_date=each.birth_date, price=price)
        for each, price in zip(travellers, prices, strict=True)
        if price is not None
    ]
    if len(priced) != len(travellers):
        return None
    return Offer(
        id=str(uuid.uuid4()),
        product=product.id,
        tax_rate=product.tax_rate,
        terms=product.sale_terms,
        travellers=tuple(priced),
        smallest=smallest,
        largest=largest,
        group=size is not None,
        group_price=product.prices[0].price if size else None,
    )


def _find_price(product: Product, traveller: SearchTraveller, first_day: date) -> Money | None:
    if product.group:
        return product.prices[0].price - product.prices[0].price
    if traveller.birth_date is None:
        return None
    return price_for(product, traveller.birth_date, first_day)
