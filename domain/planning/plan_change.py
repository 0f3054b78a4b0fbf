"""Plans all operations of a change as one plan."""

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
from domain.planning.add_lines import add_bundle_lines, add_supplements, seat_lines
from domain.planning.builder import CatalogueSlice, PlanBuilder
from domain.planning.plan import Plan, PlannedLine
from domain.planning.replace_lines import keep_positions, remove_lines, replace_lines, set_position
from domain.refusals import AlreadyConfirmed, ChangeNotAllowed, OfferTaken, OrderCancelled, Refusal
from domain.traveller_rules import correct_travellers


def plan_change(
    order: Order, request: ChangeRequest, catalogue: CatalogueSlice, next_line: int, next_position: int
) -> Plan:
    """Return the plan of a change without changing the order.

    On an expired order every kept line is planned again too, because its seats are released and its price is void.
    Raises OrderCancelled, AlreadyConfirmed, LineNotFound, LineRemoved, LinesOverlap, ChangeNotAllowed,
    NothingToChange, OfferTaken and what `add_bundle_lines` raises.
    """
    if order.status is OrderStatus.CANCELLED:
        raise OrderCancelled
    if request.until_confirmed and order.confirmed_version:
        raise AlreadyConfirmed
    builder = PlanBuilder(order, catalogue, next_line, next_position)
    for operation in request.operations:
        builder.current_position = None
        try:
            _plan_operation(builder, operation)
        except Refusal as refusal:
            raise _with_position(refusal, builder) from None
    if order.status is OrderStatus.EXPIRED:
        _renew(builder)
    _check_bundle_positions(builder)
    return builder.build(request)


def _with_position(refusal: Refusal, builder: PlanBuilder) -> Refusal:
    """Return a refusal with the position at which it occurred, if the order has lines at that position."""
    if builder.current_position is not None and any(
        line.position == builder.current_position for line in builder.order.live_lines
    ):
        refusal.members = (*refusal.members, {"position": builder.current_position})
    return refusal


def _check_bundle_positions(builder: PlanBuilder) -> None:
    """Raise OfferTaken when a bundle offered for this order only is at two positions: its seats are held once."""
    staying = [line for line in builder.order.live_lines if line.id not in builder.removes]
    lines: list[OrderLine | PlannedLine] = [*staying, *builder.adds]
    for bundle in builder.catalogue.bundles.values():
        positions = {line.position for line in lines if line.offer_bundle == bundle.id}
        if bundle.order and len(positions) > 1:
            raise OfferTaken


def _plan_operation(builder: PlanBuilder, operation: Operation) -> None:
    match operation:
        case AddLines():
            add_bundle_lines(builder, operation, builder.new_position(), ())
        case ReplaceLines():
            replace_lines(builder, operation)
        case SetPosition():
            set_position(builder, operation)
        case KeepPositions():
            keep_positions(builder, operation)
        case RemoveLines():
            remove_lines(builder, operation)
        case AddSupplements():
            _add_supplements(builder, operation)
        case SetTravellers():
            correct_travellers(builder, operation.travellers)


def _add_supplements(builder: PlanBuilder, operation: AddSupplements) -> None:
    line = single_current_line(builder.order, operation.line)
    builder.keep((line,))
    if line.supplement_of:
        raise ChangeNotAllowed
    add_supplements(builder, operation.supplements, line, operation.customers)


def _renew(builder: PlanBuilder) -> None:
    """Plan every kept line of an expired order again, with a new price and new seats."""
    for line in builder.order.live_lines:
        if line.id in builder.removes:
            continue
        builder.remove((line,))
        line_id = builder.new_line_id()
        seated_lines = [(line_id, len(line.travellers))] if line.travellers else []
        seated = seat_lines(builder, line.service if seated_lines else None, seated_lines, (), ()).get(line_id)
        builder.adds.append(
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
