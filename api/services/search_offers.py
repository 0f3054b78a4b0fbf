"""Searches offers for every façade. Each offer bundle is stored, because its price is guaranteed until it expires."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from api.context import ApiContext
from api.services.availability import Availability, find_availability
from api.services.idempotency import refuse_if_erased
from domain.offers import OfferBundle
from providers.bounded_calls import one_deadline
from providers.errors import ProviderUnavailableError
from providers.protocols import OfferSearch
from store.orders import offer_bundles, reservations
from store.orders.orders import find


@dataclass(frozen=True)
class FoundOffers:
    """The bundles found, and what is left of them."""

    bundles: Sequence[OfferBundle]
    availability: Availability
    left_out: int
    """How many more there are of which too little is left."""


def find_offers(
    ctx: ApiContext,
    search: OfferSearch,
    order: str | None = None,
    *,
    for_order_only: bool = False,
    sold_out: bool = False,
) -> FoundOffers:
    """Find and store offer bundles, with `sold_out` also those of which too little is left. Nothing is held.

    What an order has counts as free, so that its own seats can be exchanged on a full train. With `for_order_only` no
    other order may take the bundles. Raise ORDER_ERASED, and ProviderUnavailableError.
    """
    with one_deadline():
        offered = ctx.offers.search(ctx.tenant, search, ctx.store.now())
        availability = find_availability(ctx, offered, _reserved(ctx, order) if order and offered else ())
    shown = [each for each in offered if sold_out or not availability.is_sold_out(each)]
    bundles = [each.model_copy(update={"order": order}) for each in shown] if for_order_only else shown
    if bundles:
        _keep(ctx, order, bundles)
    return FoundOffers(bundles, availability, left_out=len(offered) - len(shown))


def _keep(ctx: ApiContext, order: str | None, bundles: Sequence[OfferBundle]) -> None:
    try:
        with ctx.store.write() as tx:
            order_row = find(tx, order) if order else None
            if order_row:
                refuse_if_erased(order_row)
            for bundle in bundles:
                offer_bundles.keep(tx, bundle)
    except IntegrityError:
        # An id that was offered before would stand for two prices.
        raise ProviderUnavailableError("an offer has the id of an earlier one") from None


def _reserved(ctx: ApiContext, order: str) -> list[str]:
    """Return the references of what an order holds or has bought; none of an order that is not visible."""
    with ctx.store.read() as tx:
        return reservations.references(tx, order) if find(tx, order) else []
