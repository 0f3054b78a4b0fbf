"""Plans the order lines of a requested bundle: their travellers, prices and terms."""

from collections.abc import Iterator
from itertools import cycle, islice

from domain.money import Money
from domain.offers import Offer, OfferBundle, OfferedTraveller
from domain.operations import LineWish
from domain.orders import AgeBand
from domain.planning.builder import PlanBuilder
from domain.planning.plan import PlannedLine
from domain.refusals import CurrencyMismatch, OfferNotFound
from domain.traveller_rules import add_travellers

_Group = tuple[Offer, tuple[OfferedTraveller, ...]]


def lines_of_wish(builder: PlanBuilder, wish: LineWish, position: int) -> list[PlannedLine]:
    """Return the lines of one bundle, not yet added: one per traveller, or one for all of a group product.

    They have no seats, supplements or replaced lines yet. Raises OfferNotFound and CurrencyMismatch.
    """
    builder.current_position = position
    bundle = builder.catalogue.bundles.get(wish.offer_bundle_id)
    if bundle is None or bundle.order not in (None, builder.order.number):
        raise OfferNotFound
    if bundle.currency != builder.order.currency:
        raise CurrencyMismatch
    groups = [group for offer in bundle.offers_taken(wish.offer_id) for group in _groups(builder, offer, wish)]
    add_travellers(builder, wish, [traveller for _, travellers in groups for traveller in travellers])
    return [_line(builder, position, bundle, group, wish) for group in groups]


def _groups(builder: PlanBuilder, offer: Offer, wish: LineWish) -> Iterator[_Group]:
    if wish.count is not None:
        yield from _counted(builder, offer, wish.count)
        return
    chosen = tuple(each for each in offer.travellers if not wish.traveller_ids or each.id in wish.traveller_ids)
    if not chosen:
        return
    if offer.group:
        yield offer, chosen
    else:
        yield from ((offer, (traveller,)) for traveller in chosen)


def _counted(builder: PlanBuilder, offer: Offer, count: int) -> Iterator[_Group]:
    """Yield so many groups; beyond the offer's travellers they are for new, nameless ones of the same birth date.

    A group product that is counted is sold once for its travellers and again for new ones of the same ages.
    """
    parties = [offer.travellers] if offer.group else [(traveller,) for traveller in offer.travellers]
    for number, party in enumerate(islice(cycle(parties), count)):
        if number < len(parties):
            yield offer, party
        else:
            yield offer, tuple(each.model_copy(update={"id": _new_id(builder, each.id)}) for each in party)


def _new_id(builder: PlanBuilder, like: str) -> str:
    """Return a traveller's id that the order does not have: the given one with a number."""
    number = 2
    while True:
        name = f"{like[:60]}-{number}"
        if name not in builder.nameless and all(name != each.id for each in builder.order.travellers):
            builder.nameless.add(name)
            return name
        number += 1


def _line(builder: PlanBuilder, position: int, bundle: OfferBundle, group: _Group, wish: LineWish) -> PlannedLine:
    offer, travellers = group
    product = builder.catalogue.products.get(offer.product)
    ids = tuple(each.id for each in travellers)
    line = builder.new_line_id()
    sold_by_offers = product is None or product.sold_by_offers
    return PlannedLine(
        id=line,
        position=position,
        product=offer.product,
        service=bundle.service,
        valid_from=bundle.valid_from,
        first_day=bundle.first_day,
        valid_until=offer.valid_until,
        last_day=offer.last_day,
        travellers=ids,
        price=_price(offer, travellers),
        tax_rate=offer.tax_rate,
        terms=offer.terms,
        offer_bundle=bundle.id if sold_by_offers else None,
        offer=offer.id if sold_by_offers else None,
        external_reference=wish.external_reference,
        customers=wish.customers,
        distribution=wish.distribution,
        age_bands=tuple(_age_band(each) for each in travellers if _is_special(each)),
        sale=line,
    )


def _price(offer: Offer, travellers: tuple[OfferedTraveller, ...]) -> Money:
    if offer.group_price is not None:
        return offer.group_price
    price = travellers[0].price
    for each in travellers[1:]:
        price += each.price
    return price


def _is_special(traveller: OfferedTraveller) -> bool:
    return (traveller.seat, traveller.accompanied, traveller.accompanies) != (True, False, 1)


def _age_band(traveller: OfferedTraveller) -> AgeBand:
    flags = {"seat": traveller.seat, "accompanied": traveller.accompanied, "accompanies": traveller.accompanies}
    return AgeBand(traveller=traveller.id, **flags)
