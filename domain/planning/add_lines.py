"""Plans the order lines of a requested bundle: their travellers, seats and supplements."""

from collections.abc import Iterable, Iterator
from itertools import cycle, islice

from domain.customers import Customer
from domain.offers import Offer, OfferBundle, OfferedTraveller
from domain.operations import LineWish, SupplementWish
from domain.orders import OrderLine
from domain.planning.builder import PlanBuilder
from domain.planning.plan import PlannedLine
from domain.planning.seat_assignment import Seated, assign_seats, seats_in_hand
from domain.products import Product
from domain.refusals import CurrencyMismatch, OfferNotFound, SeatingChangeNotSupported, SupplementNotOffered
from domain.traveller_rules import add_travellers

_Group = tuple[Offer, tuple[OfferedTraveller, ...]]


def add_bundle_lines(
    builder: PlanBuilder, wish: LineWish, position: int, replaced: tuple[OrderLine, ...]
) -> list[PlannedLine]:
    """Plan the lines of one bundle: one per traveller, or one for all of a group product.

    Raises OfferNotFound, CurrencyMismatch, SeatUnknown, SupplementNotOffered, SeatingChangeNotSupported,
    TooManyLines.
    """
    builder.current_position = position
    bundle = builder.catalogue.bundles.get(wish.offer_bundle_id)
    if bundle is None or bundle.order not in (None, builder.order.number):
        raise OfferNotFound
    if bundle.currency != builder.order.currency:
        raise CurrencyMismatch
    groups = [group for offer in bundle.offers_taken(wish.offer_id) for group in _groups(offer, wish)]
    ids = [builder.new_line_id() for _ in groups]
    sizes = [(line, len(travellers)) for line, (_, travellers) in zip(ids, groups, strict=True)]
    seated = seat_lines(builder, bundle.service, sizes, wish.seats, replaced)
    lines = [
        _line(builder, line, position, bundle, group, wish, replaced, seated.get(line))
        for line, group in zip(ids, groups, strict=True)
    ]
    builder.add(lines)
    add_travellers(builder, wish, [traveller for _, travellers in groups for traveller in travellers])
    for line in lines:
        add_supplements(builder, wish.supplements, line)
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


def seat_lines(
    builder: PlanBuilder,
    service: str | None,
    lines: list[tuple[str, int]],
    names: tuple[str, ...],
    replaced: Iterable[OrderLine],
) -> dict[str, Seated]:
    """Assign seats on a service to lines (id, number of travellers): available own seats first, the rest to be held."""
    if service is None:
        return {}
    assigned = [kept.reservation for line in builder.adds for kept in line.kept_seats]
    in_hand = seats_in_hand(builder.order, replaced, service, assigned)
    seated, wish = assign_seats(lines, names, in_hand, service)
    if wish:
        builder.seats.append(wish)
    return seated


def _line(
    builder: PlanBuilder,
    line: str,
    position: int,
    bundle: OfferBundle,
    group: _Group,
    wish: LineWish,
    replaced: tuple[OrderLine, ...],
    seated: Seated | None,
) -> PlannedLine:
    offer, travellers = group
    product = builder.catalogue.products[offer.product]
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
    builder: PlanBuilder,
    wishes: Iterable[SupplementWish],
    line: PlannedLine | OrderLine,
    customers: tuple[Customer, ...] = (),
) -> None:
    """Plan supplements for a line, as one line each at its position.

    Raises SupplementNotOffered, and SeatingChangeNotSupported for one that would change a seat.
    """
    for wish in wishes:
        supplement = builder.catalogue.supplements.get(wish.supplement)
        product: Product | None = builder.catalogue.products.get(line.product)
        if supplement is None or product is None or supplement.id not in product.supplements:
            raise SupplementNotOffered
        if supplement.changes_seating:
            raise SeatingChangeNotSupported
        builder.add(
            [
                PlannedLine(
                    id=builder.new_line_id(),
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
