"""Every operation of a change, worked into one plan."""

from domain.changes import ChangeRequest
from domain.lineage import single_current_line
from domain.operations import (
    AddLines,
    AddSupplements,
    KeepPositions,
    Operation,
    RemoveLines,
    ReplaceLines,
    SetPosition,
    SetTravellers,
)
from domain.orders import Order, OrderLine, OrderStatus
from domain.planning.add_lines import add_bundle_lines, add_supplements, seat_on
from domain.planning.builder import CatalogueSlice, PlanBuilder
from domain.planning.plan import Plan, PlannedLine
from domain.planning.replace_lines import keep_positions, remove_lines, replace_lines, set_position
from domain.refusals import AlreadyConfirmed, ChangeNotAllowed, OfferTaken, OrderCancelled, Refusal
from domain.traveller_rules import correct


def plan_change(
    order: Order, request: ChangeRequest, shelf: CatalogueSlice, next_line: int, next_position: int
) -> Plan:
    """Return what a change will do; the order is not touched.

    On an expired order every line kept is planned anew as well: its seats and its price are gone.
    Raises OrderCancelled, AlreadyConfirmed, LineNotFound, LineRemoved, LinesOverlap, ChangeNotAllowed,
    NothingToChange, OfferTaken and what taking a bundle raises.
    """
    if order.status is OrderStatus.CANCELLED:
        raise OrderCancelled
    if request.until_confirmed and order.confirmed_version:
        raise AlreadyConfirmed
    planning = PlanBuilder(order, shelf, next_line, next_position)
    for operation in request.operations:
        planning.at = None
        try:
            _work_in(planning, operation)
        except Refusal as refusal:
            raise _placed(refusal, planning) from None
    if order.status is OrderStatus.EXPIRED:
        _renew(planning)
    _taken_once(planning)
    return planning.finished(request)


def _placed(refusal: Refusal, planning: PlanBuilder) -> Refusal:
    """Return a refusal that says at which position of the order it arose, if at one there is."""
    if planning.at is not None and any(line.position == planning.at for line in planning.order.live_lines):
        refusal.members = (*refusal.members, {"position": planning.at})
    return refusal


def _taken_once(planning: PlanBuilder) -> None:
    """See that a bundle found for this order alone is at one position at most: nothing is held twice by it."""
    staying = [line for line in planning.order.live_lines if line.id not in planning.removes]
    lines: list[OrderLine | PlannedLine] = [*staying, *planning.adds]
    for bundle in planning.catalogue.bundles.values():
        places = {line.position for line in lines if line.offer_bundle == bundle.id}
        if bundle.order and len(places) > 1:
            raise OfferTaken


def _work_in(planning: PlanBuilder, operation: Operation) -> None:
    match operation:
        case AddLines():
            add_bundle_lines(planning, operation, planning.position(), ())
        case ReplaceLines():
            replace_lines(planning, operation)
        case SetPosition():
            set_position(planning, operation)
        case KeepPositions():
            keep_positions(planning, operation)
        case RemoveLines():
            remove_lines(planning, operation)
        case AddSupplements():
            _add_supplements(planning, operation)
        case SetTravellers():
            correct(planning, operation.travellers)


def _add_supplements(planning: PlanBuilder, operation: AddSupplements) -> None:
    line = single_current_line(planning.order, operation.line)
    planning.leave((line,))
    if line.supplement_of:
        raise ChangeNotAllowed
    add_supplements(planning, operation.supplements, line, operation.customers)


def _renew(planning: PlanBuilder) -> None:
    """Plan every kept line of an expired order again, to be priced and seated anew."""
    for line in planning.order.live_lines:
        if line.id in planning.removes:
            continue
        planning.remove((line,))
        line_id = planning.line_id()
        places = [(line_id, len(line.travellers))] if line.travellers else []
        seated = seat_on(planning, line.service if places else None, places, (), ()).get(line_id)
        planning.adds.append(
            PlannedLine(
                id=line_id,
                position=line.position,
                product=line.product,
                service=line.service,
                valid_from=line.valid_from,
                first_day=line.first_day,
                travellers=line.travellers,
                offered_price=None,
                tax_rate=line.tax_rate,
                change_fee=line.change_fee,
                offer_bundle=line.offer_bundle,
                offer=line.offer,
                supplement_of=line.supplement_of,
                replaces=(line.id,),
                external_reference=line.external_reference,
                customers=line.customers,
                distribution=line.distribution,
                kept_reservations=seated.keeps if seated else (),
                seats_to_hold=seated.holds if seated else 0,
            )
        )
