"""Plans all operations of a change as one plan."""

from datetime import datetime

from domain.accompaniment import ACCOMPANIED_ONLY, unaccompanied
from domain.changes import ChangeRequest
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
from domain.orders import Order, OrderStatus
from domain.planning.builder import CatalogueSlice, PlanBuilder
from domain.planning.plan import Plan, PlannedRefusal, PricedOn
from domain.planning.regroup import is_as_confirmed, regroup
from domain.planning.renewal import renew_lines
from domain.planning.replace_lines import add_lines, keep_positions, remove_lines, replace_lines, set_position
from domain.planning.stock import plan_units
from domain.planning.supplements import check_most, plan_add_supplements
from domain.projection import project
from domain.refusals import (
    AlreadyConfirmed,
    DraftOpen,
    LinesOverlap,
    NothingToChange,
    OfferTaken,
    OrderCancelled,
    Refusal,
)
from domain.traveller_rules import correct_travellers

_SETS_STATE = (SetPosition, KeepPositions, SetTravellers)


def plan_change(
    order: Order,
    request: ChangeRequest,
    catalogue: CatalogueSlice,
    next_line: int,
    next_position: int,
    now: datetime,
    change: str = "quote",
) -> Plan:
    """Return the plan of a change without changing the order. `change` names its price groups.

    On an expired order every kept line is planned again too. Refusals about products are part of the plan, because
    those about times and people come first. Raises OrderCancelled, AlreadyConfirmed, DraftOpen, LineNotFound,
    LineRemoved, LinesOverlap, SelectedLinesMismatch, ChangeNotAllowed, NothingToChange, OfferTaken and what
    `lines_of_wish` raises.
    """
    _check_state(order, request)
    builder = PlanBuilder(order, request, catalogue, next_line, next_position)
    for number, operation in enumerate(request.operations):
        builder.current_position, builder.current_operation = None, number
        try:
            _plan_operation(builder, operation)
        except Refusal as refusal:
            raise _with_position(refusal, builder) from None
    builder.current_position = builder.current_operation = None
    if order.status is OrderStatus.EXPIRED:
        renew_lines(builder, now)
    _check_bundle_positions(builder)
    _check_supplements(builder)
    builder.check_size()
    check_most(builder)
    plan_units(builder)
    return _with_warnings(order, _plan(builder, request, change), catalogue)


def _check_state(order: Order, request: ChangeRequest) -> None:
    if order.status is OrderStatus.CANCELLED:
        raise OrderCancelled
    if request.until_confirmed and order.confirmed_version:
        raise AlreadyConfirmed
    # An order that was never confirmed is one basket; If-Match, which is checked before, names the draft as it is.
    if request.confirm and order.confirmed_version and order.draft_opened_by and request.if_match is None:
        raise DraftOpen


def _plan(builder: PlanBuilder, request: ChangeRequest, change: str) -> Plan:
    order = builder.order
    groups, ended = regroup(builder, change)
    effect = bool(builder.adds or builder.removes or builder.restores or builder.travellers)
    sets_state = all(isinstance(each, _SETS_STATE) for each in request.operations)
    if not effect and not sets_state and not builder.product_refusals and builder.kept:
        raise NothingToChange
    return Plan(
        no_op=sets_state and not effect and not request.confirm,
        ends_draft=effect and order.draft_opened_by is not None and is_as_confirmed(order, builder),
        version=builder.version,
        adds=tuple(builder.adds.values()),
        removes=tuple(builder.removes),
        restores=tuple(builder.restores),
        travellers=tuple(builder.travellers.values()),
        seats=tuple(builder.seats),
        stock=tuple(builder.stock),
        groups=groups,
        ended_groups=ended,
        replaced=tuple(builder.replaced),
        warnings=tuple(builder.warnings),
        refusals=tuple(PlannedRefusal(code=each.code, members=each.members) for each in builder.product_refusals),
        priced_on=tuple(PricedOn(traveller=t, birth_date=born) for t, born in builder.priced_on.items()),
        confirm=request.confirm,
        next_line=builder.next_line,
        next_position=builder.next_position,
    )


def _with_warnings(order: Order, plan: Plan, catalogue: CatalogueSlice) -> Plan:
    """Warn of accompanied travellers without company: a draft may still bring it, a confirmation refuses."""
    if plan.confirm:
        return plan
    alone = unaccompanied(project(order, plan).lines, catalogue.products)
    more = tuple(ACCOMPANIED_ONLY.model_copy(update={"line": line}) for line in alone)
    return plan.model_copy(update={"warnings": (*plan.warnings, *more)}) if more else plan


def _with_position(refusal: Refusal, builder: PlanBuilder) -> Refusal:
    """Return a refusal with the position at which it occurred, if the order has lines at that position."""
    if builder.current_position is not None and any(
        line.position == builder.current_position for line in builder.order.live_lines
    ):
        refusal.members = (*refusal.members, {"position": builder.current_position})
    return refusal


def _check_supplements(builder: PlanBuilder) -> None:
    """Raise LinesOverlap for a supplement added to a line that a later operation of the request gives up."""
    for line in builder.adds.values():
        if line.supplement_of is not None and line.supplement_of in builder.removes:
            raise LinesOverlap({"line": line.supplement_of})


def _check_bundle_positions(builder: PlanBuilder) -> None:
    """Raise OfferTaken when a bundle offered for this order only is at two positions: its seats are held once."""
    lines = builder.lines()
    for bundle in builder.catalogue.bundles.values():
        positions = {line.position for line in lines if line.offer_bundle == bundle.id}
        if bundle.order and len(positions) > 1:
            raise OfferTaken


def _plan_operation(builder: PlanBuilder, operation: Operation) -> None:
    match operation:
        case AddLines():
            add_lines(builder, operation)
        case ReplaceLines():
            replace_lines(builder, operation)
        case SetPosition():
            set_position(builder, operation)
        case KeepPositions():
            keep_positions(builder, operation)
        case RemoveLines():
            remove_lines(builder, operation)
        case AddSupplements():
            plan_add_supplements(builder, operation)
        case SetTravellers():
            correct_travellers(builder, operation.travellers)
