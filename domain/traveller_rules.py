"""Who may use an offer, which details are frozen, and which are still missing."""

from collections.abc import Iterable, Mapping, Sequence

from domain.changes import ChangeRequest
from domain.offers import OfferBundle, OfferedTraveller
from domain.operations import LineWish, SetTravellers
from domain.orders import Order, OrderLine
from domain.planning.builder import CatalogueSlice, PlanBuilder
from domain.planning.plan import Plan, PlannedLine
from domain.products import Product
from domain.refusals import (
    TravellerCountOutOfRange,
    TravellerDiffers,
    TravellerNotInOffer,
    TravellerNotOnOrder,
    TravellersIncomplete,
)
from domain.travellers import Traveller

FIELD_FROZEN = "FIELD_FROZEN"
"""A field the offer was priced on cannot be changed; it was ignored (discover.swiss documents so)."""


def add_travellers(planning: PlanBuilder, wish: LineWish, offered: Iterable[OfferedTraveller]) -> None:
    """Note the travellers of a wish: as the offer was priced, completed by the details sent along.

    Raises TravellerDiffers when another offer of the same change was priced on another birth date.
    """
    details = {each.id: each for each in wish.travellers}
    for each in offered:
        known = planning.traveller(each.id)
        if each.birth_date:
            if planning.priced_on.setdefault(each.id, each.birth_date) != each.birth_date:
                raise TravellerDiffers
            known = known.model_copy(update={"birth_date": each.birth_date})
        planning.set_traveller(_complete(planning, known, details.get(each.id)))


def only_of(planning: PlanBuilder, travellers: Iterable[Traveller], known: set[str]) -> tuple[Traveller, ...]:
    """Return the travellers that are known, each other one ignored with a warning: ids cannot be changed."""
    travellers = tuple(travellers)
    for each in travellers:
        if each.id not in known:
            planning.warn(FIELD_FROZEN, each.id, "id")
    return tuple(each for each in travellers if each.id in known)


def correct(planning: PlanBuilder, travellers: Iterable[Traveller]) -> None:
    """Note corrected details of travellers on the order."""
    for newer in travellers:
        planning.set_traveller(_complete(planning, planning.traveller(newer.id), newer))


def _complete(planning: PlanBuilder, known: Traveller, newer: Traveller | None) -> Traveller:
    if newer is None:
        return known
    if known.birth_date and newer.birth_date and newer.birth_date != known.birth_date:
        planning.warn(FIELD_FROZEN, known.id, "birth_date")
        newer = newer.model_copy(update={"birth_date": None})
    return known.completed_by(newer)


def validate_travellers(order: Order, request: ChangeRequest, plan: Plan, shelf: CatalogueSlice) -> None:
    """Check every traveller of a change against the offers taken and the order.

    Raises TravellerNotInOffer, TravellerCountOutOfRange, TravellerNotOnOrder, TravellerDiffers, and
    TravellersIncomplete for fields the offers need or, in one go, fields the order needs.
    """
    for wish in request.wishes:
        _fits(wish, shelf.bundles[wish.offer_bundle_id])
    staying = [line for line in order.live_lines if line.id not in plan.removes]
    lines: list[OrderLine | PlannedLine] = [*staying, *plan.adds]
    aboard = {traveller for line in lines for traveller in line.travellers}
    for operation in request.operations:
        if isinstance(operation, SetTravellers) and not {each.id for each in operation.travellers} <= aboard:
            raise TravellerNotOnOrder
    _same_for_all_lines(order, plan, staying)
    travellers = {each.id: each for each in (*order.travellers, *plan.travellers)}
    require_fields(lines, travellers, shelf.products, for_order=plan.confirm)


def _fits(wish: LineWish, bundle: OfferBundle) -> None:
    mapped = {each.id for offer in bundle.offers_taken(wish.offer_id) for each in offer.travellers}
    if not {*wish.traveller_ids, *(each.id for each in wish.travellers)} <= mapped:
        raise TravellerNotInOffer
    for offer in bundle.offers_taken(wish.offer_id):
        chosen = [each for each in offer.travellers if not wish.traveller_ids or each.id in wish.traveller_ids]
        if not offer.smallest <= len(chosen) <= offer.largest:
            raise TravellerCountOutOfRange


def _same_for_all_lines(order: Order, plan: Plan, staying: Sequence[OrderLine]) -> None:
    before = {each.id: each.birth_date for each in order.travellers}
    # The lines an expired order keeps are planned anew, but nobody asked for them to be priced otherwise.
    kept: list[OrderLine | PlannedLine] = [*staying, *(line for line in plan.adds if line.offered_price is None)]
    riding = {traveller for line in kept for traveller in line.travellers}
    for each in plan.travellers:
        if each.id in riding and before.get(each.id) not in (None, each.birth_date):
            raise TravellerDiffers


def require_fields(
    lines: Sequence[OrderLine | PlannedLine],
    travellers: Mapping[str, Traveller],
    products: Mapping[str, Product],
    *,
    for_order: bool,
) -> None:
    """Raise TravellersIncomplete, pointing at each missing field by line and field name.

    Fields the offer needs are always required; those only the order needs when it is to be confirmed.
    """
    missing: list[dict[str, str | int]] = []
    for line in lines:
        found = missing_fields(line, travellers, products.get(line.product), for_order=for_order)
        missing.extend({"line": line.id, "traveller": place, "field": name} for place, name in found)
    if missing:
        raise TravellersIncomplete(*missing)


def missing_fields(
    line: OrderLine | PlannedLine, travellers: Mapping[str, Traveller], product: Product | None, *, for_order: bool
) -> list[tuple[int, str]]:
    """Return each field that a line's product needs and one of its travellers (by place) lacks."""
    if product is None:
        return []
    fields = dict.fromkeys((*product.fields_for_offer, *(product.fields_for_order if for_order else ())))
    return [(place, name) for place, each in enumerate(line.travellers) for name in travellers[each].missing(fields)]
