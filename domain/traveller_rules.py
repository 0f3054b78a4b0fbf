"""Rules for travellers: who may use an offer, which details are frozen, and which are required."""

from collections.abc import Iterable, Mapping, Sequence

from domain.accompaniment import check_accompanied
from domain.changes import ChangeRequest
from domain.offers import OfferBundle, OfferedTraveller
from domain.operations import LineWish, SetTravellers
from domain.orders import Order, OrderLine, OrderStatus
from domain.planning.builder import CatalogueSlice, PlanBuilder
from domain.planning.plan import Plan, PlannedLine
from domain.products import Product
from domain.projection import Line, project
from domain.refusals import (
    TravellerAlreadyOnService,
    TravellerCountOutOfRange,
    TravellerDiffers,
    TravellerNotInOffer,
    TravellerNotOnOrder,
    TravellersIncomplete,
)
from domain.travellers import Traveller

FIELD_FROZEN = "FIELD_FROZEN"
"""Warning code: a field the offer was priced on cannot be changed, so it was ignored (documented by discover.swiss)."""


def add_travellers(builder: PlanBuilder, wish: LineWish, offered: Iterable[OfferedTraveller]) -> None:
    """Add the travellers of a wish to the plan: as the offer was priced, completed by the details in the request.

    Raises TravellerDiffers when another offer of the same change was priced on another birth date.
    """
    details = {each.id: each for each in wish.travellers}
    for each in offered:
        known = builder.traveller(each.id)
        if each.birth_date:
            if builder.priced_on.setdefault(each.id, each.birth_date) != each.birth_date:
                raise TravellerDiffers
            known = known.model_copy(update={"birth_date": each.birth_date})
        builder.set_traveller(_complete(builder, known, details.get(each.id)))


def ignore_unknown(builder: PlanBuilder, travellers: Iterable[Traveller], known: set[str]) -> tuple[Traveller, ...]:
    """Return the known travellers and add a warning for each other one, because ids cannot be changed."""
    travellers = tuple(travellers)
    for each in travellers:
        if each.id not in known:
            builder.warn(FIELD_FROZEN, traveller=each.id, field="id")
    return tuple(each for each in travellers if each.id in known)


def correct_travellers(builder: PlanBuilder, travellers: Iterable[Traveller]) -> None:
    """Add corrected details of the order's travellers to the plan."""
    for newer in travellers:
        builder.set_traveller(_complete(builder, builder.traveller(newer.id), newer))


def _complete(builder: PlanBuilder, known: Traveller, newer: Traveller | None) -> Traveller:
    if newer is None:
        return known
    if known.birth_date and newer.birth_date and newer.birth_date != known.birth_date:
        builder.warn(FIELD_FROZEN, traveller=known.id, field="birth_date")
        newer = newer.model_copy(update={"birth_date": None})
    return known.completed_by(newer)


def validate_travellers(order: Order, request: ChangeRequest, plan: Plan, catalogue: CatalogueSlice) -> None:
    """Check every traveller of a change against its offers and the order.

    Raises TravellerNotInOffer, TravellerCountOutOfRange, TravellerNotOnOrder, TravellerDiffers,
    TravellerAlreadyOnService, and TravellersIncomplete for fields the offers require; for a change in one go also
    AccompaniedOnly, and TravellersIncomplete for fields the order requires.
    """
    for wish in request.wishes:
        _check_mapped(wish, catalogue.bundles[wish.offer_bundle_id])
    projection = project(order, plan)
    aboard = {traveller for line in projection.lines for traveller in line.travellers}
    for operation in request.operations:
        if isinstance(operation, SetTravellers) and not {each.id for each in operation.travellers} <= aboard:
            raise TravellerNotOnOrder
    _check_birth_dates(order, plan)
    check_one_place(plan, projection.lines, catalogue.products)
    if plan.confirm:
        check_accompanied(projection.lines, catalogue.products)
    require_fields(projection.lines, projection.travellers, catalogue.products, for_order=plan.confirm)


def _check_mapped(wish: LineWish, bundle: OfferBundle) -> None:
    mapped = {each.id for offer in bundle.offers_taken(wish.offer_id) for each in offer.travellers}
    if not {*wish.traveller_ids, *(each.id for each in wish.travellers)} <= mapped:
        raise TravellerNotInOffer
    for offer in bundle.offers_taken(wish.offer_id):
        chosen = [each for each in offer.travellers if not wish.traveller_ids or each.id in wish.traveller_ids]
        if not offer.smallest <= len(chosen) <= offer.largest:
            raise TravellerCountOutOfRange


def _check_birth_dates(order: Order, plan: Plan) -> None:
    """Raise TravellerDiffers for an offer priced on another birth date than the order has (rule P4).

    What a confirmed price rests on is frozen. Before the first confirmation a new offer may bring another date if it
    replaces all lines of the traveller.
    """
    known = {each.id: each.birth_date for each in order.travellers}
    frozen = {traveller for line in order.confirmed_lines for traveller in line.travellers}
    staying = [line for line in order.live_lines if line.id not in plan.removes]
    kept: list[Line] = [*staying, *(line for line in plan.adds if _is_renewed(line, order))]
    # The price of a supplement rests on nobody's age.
    frozen |= {traveller for line in kept if not line.supplement_of for traveller in line.travellers}
    for each in plan.priced_on:
        if each.traveller in frozen and known.get(each.traveller) not in (None, each.birth_date):
            raise TravellerDiffers


def _is_renewed(line: PlannedLine, order: Order) -> bool:
    """Whether a planned line only continues one of an expired order, so that the request does not reprice it."""
    replaced = [each for each in order.lines if each.id in line.replaces]
    return order.status is OrderStatus.EXPIRED and any(each.offer_bundle == line.offer_bundle for each in replaced)


def check_one_place(plan: Plan, lines: Iterable[Line], products: Mapping[str, Product]) -> None:
    """Raise TravellerAlreadyOnService when a new line is a traveller's second one on a service (rule P5)."""
    new = {line.id for line in plan.adds} | set(plan.restores)
    on_service: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        product = products.get(line.product)
        if line.service and not line.supplement_of and not (product and product.second_place):
            for traveller in line.travellers:
                on_service.setdefault((traveller, line.service), []).append(line)
    for places in on_service.values():
        added = [line.id for line in places if line.id in new]
        if len(places) > 1 and added:
            raise TravellerAlreadyOnService({"line": places[0].id, "service": places[0].service or ""})


def require_fields(
    lines: Sequence[OrderLine | PlannedLine],
    travellers: Mapping[str, Traveller],
    products: Mapping[str, Product],
    *,
    for_order: bool,
) -> None:
    """Raise TravellersIncomplete, pointing at each missing field by line and field name.

    Fields the offer requires are always checked; fields only the order requires are checked when `for_order`.
    """
    missing: list[dict[str, str | int]] = []
    for line in lines:
        absent = missing_fields(line, travellers, products.get(line.product), for_order=for_order)
        missing.extend({"line": line.id, "traveller": index, "field": name} for index, name in absent)
    if missing:
        raise TravellersIncomplete(*missing)


def missing_fields(
    line: OrderLine | PlannedLine, travellers: Mapping[str, Traveller], product: Product | None, *, for_order: bool
) -> list[tuple[int, str]]:
    """Return each field that a line's product requires and a traveller, given by index, lacks."""
    if product is None:
        return []
    fields = dict.fromkeys((*product.fields_for_offer, *(product.fields_for_order if for_order else ())))
    return [(index, name) for index, each in enumerate(line.travellers) for name in travellers[each].missing(fields)]
