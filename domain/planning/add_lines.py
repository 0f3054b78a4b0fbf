"""How a wish becomes order lines: whom it is for, where they sit, what is sold on top."""

from collections.abc import Iterable, Iterator
from itertools import cycle, islice

from domain.customers import Customer
from domain.offers import Offer, OfferBundle, OfferedTraveller
from domain.operations import LineWish, SupplementWish
from domain.orders import OrderLine
from domain.planning.builder import PlanBuilder
from domain.planning.plan import PlannedLine
from domain.planning.seat_assignment import Seated, seat, seats_in_hand
from domain.products import Product
from domain.refusals import CurrencyMismatch, OfferNotFound, SeatingChangeNotSupported, SupplementNotOffered
from domain.traveller_rules import add_travellers

_Group = tuple[Offer, tuple[OfferedTraveller, ...]]


def add_bundle_lines(
    planning: PlanBuilder, wish: LineWish, position: int, replaced: tuple[OrderLine, ...]
) -> list[PlannedLine]:
    """Plan the lines of one bundle: one per traveller, or one for all of a group product.

    Raises OfferNotFound, CurrencyMismatch, SeatUnknown, SupplementNotOffered, SeatingChangeNotSupported,
    TooManyLines.
    """
    planning.at = position
    bundle = planning.catalogue.bundles.get(wish.offer_bundle_id)
    if bundle is None or bundle.order not in (None, planning.order.number):
        raise OfferNotFound
    if bundle.currency != planning.order.currency:
        raise CurrencyMismatch
    groups = [group for offer in bundle.offers_taken(wish.offer_id) for group in _groups(offer, wish)]
    ids = [planning.line_id() for _ in groups]
    sizes = [(line, len(travellers)) for line, (_, travellers) in zip(ids, groups, strict=True)]
    seated = seat_on(planning, bundle.service, sizes, wish.seats, replaced)
    lines = [
        _line(planning, line, position, bundle, group, wish, replaced, seated.get(line))
        for line, group in zip(ids, groups, strict=True)
    ]
    planning.add(lines)
    add_travellers(planning, wish, [traveller for _, travellers in groups for traveller in travellers])
    for line in lines:
        add_supplements(planning, wish.supplements, line)
    return lines


def _groups(offer: Offer, wish: LineWish) -> Iterator[_Group]:
    if wish.count is not None:
        group = offer.travellers if offer.group else ()
        yield from islice(cycle((offer, group or (traveller,)) for traveller in offer.travellers), wish.count)
        return
    chosen = tuple(each for each in offer.travellers if not wish.traveller_ids or each.id in wish.traveller_ids)
    if not chosen:
        return
    if offer.group:
        yield offer, chosen
    else:
        yield from ((offer, (traveller,)) for traveller in chosen)


def seat_on(
    planning: PlanBuilder,
    service: str | None,
    lines: list[tuple[str, int]],
    names: tuple[str, ...],
    replaced: Iterable[OrderLine],
) -> dict[str, Seated]:
    """Seat lines (id, number of travellers) on a service: seats in hand first, the rest to be held."""
    if service is None:
        return {}
    given = [kept for line in planning.adds for kept in line.kept_reservations]
    in_hand = seats_in_hand(planning.order, replaced, service, given)
    seated, wish = seat(lines, names, in_hand, service)
    if wish:
        planning.seats.append(wish)
    return seated


def _line(
    planning: PlanBuilder,
    line: str,
    position: int,
    bundle: OfferBundle,
    group: _Group,
    wish: LineWish,
    replaced: tuple[OrderLine, ...],
    seated: Seated | None,
) -> PlannedLine:
    offer, travellers = group
    product = planning.catalogue.products[offer.product]
    ids = tuple(each.id for each in travellers)
    return PlannedLine(
        id=line,
        position=position,
        product=product.id,
        service=bundle.service,
        valid_from=bundle.valid_from,
        first_day=bundle.first_day,
        travellers=ids,
        offered_price=offer.price_of(ids),
        tax_rate=product.tax_rate,
        change_fee=product.change_fee,
        offer_bundle=bundle.id if product.sold_by_offers else None,
        offer=offer.id if product.sold_by_offers else None,
        replaces=tuple(each.id for each in replaced),
        external_reference=wish.external_reference,
        customers=wish.customers,
        distribution=wish.distribution,
        kept_reservations=seated.keeps if seated else (),
        seats_to_hold=seated.holds if seated else 0,
    )


def add_supplements(
    planning: PlanBuilder,
    wishes: Iterable[SupplementWish],
    line: PlannedLine | OrderLine,
    customers: tuple[Customer, ...] = (),
) -> None:
    """Plan supplements for a line, one line each, at its position.

    Raises SupplementNotOffered, and SeatingChangeNotSupported for one that would move a seat.
    """
    for wish in wishes:
        supplement = planning.catalogue.supplements.get(wish.supplement)
        product: Product | None = planning.catalogue.products.get(line.product)
        if supplement is None or product is None or supplement.id not in product.supplements:
            raise SupplementNotOffered
        if supplement.changes_seating:
            raise SeatingChangeNotSupported
        planning.add(
            [
                PlannedLine(
                    id=planning.line_id(),
                    position=line.position,
                    product=supplement.id,
                    service=line.service,
                    valid_from=line.valid_from,
                    first_day=line.first_day,
                    travellers=(),
                    offered_price=supplement.price,
                    tax_rate=supplement.tax_rate,
                    change_fee=supplement.price - supplement.price,
                    offer_bundle=None,
                    offer=None,
                    supplement_of=line.id,
                    customers=customers,
                )
                for _ in range(wish.count)
            ]
        )
