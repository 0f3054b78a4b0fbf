"""Builds offers from products with prices by age; any catalogue with such products can use it."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from domain.ages import day_of
from domain.money import zero
from domain.offers import Offer, OfferBundle, OfferedTraveller, Service
from domain.products import Product, row_for
from providers.protocols import OfferSearch, SearchTraveller


def build_bundle(
    product: Product, search: OfferSearch, service: Service | None, now: datetime, life: timedelta
) -> OfferBundle | None:
    """Return the bundle of one product for all travellers of a search; None when it does not fit or is not on sale.

    `life` is how long the bundle is valid.
    """
    valid_from = service.departs_at if service else search.valid_from
    if valid_from is None or not _on_sale(product, service, valid_from, search.time_zone, now):
        return None
    first_day = service.day if service else day_of(valid_from, search.time_zone)
    offer = _build_offer(product, search.travellers, first_day)
    if offer is None:
        return None
    ends = None if service else product.valid_until(valid_from, search.time_zone)
    # Validity that ends at midnight does not touch the day that begins then.
    last_day = day_of(ends - timedelta(microseconds=1), search.time_zone) if ends else None
    return OfferBundle(
        id=str(uuid.uuid4()),
        currency=product.currency,
        service=service.id if service else None,
        valid_from=valid_from,
        first_day=first_day,
        # Whole seconds, as the API writes times: at the instant that a client reads, the bundle has expired.
        expires_at=(now + life).replace(microsecond=0),
        offers=(offer.model_copy(update={"valid_until": ends, "last_day": last_day}),),
    )


def _on_sale(product: Product, service: Service | None, valid_from: datetime, time_zone: str, now: datetime) -> bool:
    if product.withdrawn or product.too_far_ahead(valid_from, time_zone, now):
        return False
    if service:
        return not service.cancelled and not service.departed(now)
    return not product.sale_over(valid_from, time_zone, now)


def _build_offer(product: Product, travellers: Sequence[SearchTraveller], first_day: date) -> Offer | None:
    """Return the offer for a group, or None when one traveller has no price or the group size is not allowed."""
    size = product.group
    smallest, largest = (size.smallest, size.largest) if size else (1, len(travellers))
    if not smallest <= len(travellers) <= largest:
        return None
    offered = [_offer_to(product, each, first_day) for each in travellers]
    priced = tuple(each for each in offered if each is not None)
    if len(priced) != len(travellers):
        return None
    return Offer(
        id=str(uuid.uuid4()),
        product=product.id,
        tax_rate=product.tax_rate,
        terms=product.sale_terms,
        travellers=priced,
        smallest=smallest,
        largest=largest,
        group=size is not None,
        group_price=product.prices[0].price if size else None,
    )


def _offer_to(product: Product, traveller: SearchTraveller, first_day: date) -> OfferedTraveller | None:
    """Return the traveller with the price and the marks of their price row, or None when no row matches."""
    birth = traveller.birth_date
    if product.group:
        return OfferedTraveller(id=traveller.id, birth_date=birth, price=zero(product.currency))
    row = row_for(product, birth, first_day) if birth else None
    if row is None:
        return None
    return OfferedTraveller(
        id=traveller.id,
        birth_date=birth,
        price=row.price,
        seat=row.seat,
        accompanied=row.accompanied,
        accompanies=row.accompanies,
    )
