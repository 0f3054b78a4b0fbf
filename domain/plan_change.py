"""Every operation of a change, worked into one plan."""

from domain.changes import ChangeRequest, ReplacedLines
from domain.lineage import resolve, supplements_of, the_one
from domain.operations import AddLines, AddSupplements, LineWish, Operation, RemoveLines, ReplaceLines, SetTravellers
from domain.orders import Order, OrderLine, OrderStatus
from domain.planning import Planning, Shelf
from domain.plans import Plan, PlannedLine
from domain.refusals import ChangeNotAllowed, LinesOverlap, NothingToChange, OrderCancelled
from domain.taking import seat_on, sell_on_top, take
from domain.traveller_rules import correct


def plan_change(order: Order, request: ChangeRequest, shelf: Shelf, next_line: int, next_position: int) -> Plan:
    """Return what a change will do; the order is not touched.

    On an expired order every line kept is planned anew as well: its seats and its price are gone.
    Raises OrderCancelled, LineNotFound, LineRemoved, LinesOverlap, ChangeNotAllowed, NothingToChange
    and what taking a bundle raises.
    """
    if order.status is OrderStatus.CANCELLED:
        raise OrderCancelled
    planning = Planning(order, shelf, next_line, next_position)
    for operation in request.operations:
        _work_in(planning, operation)
    if order.status is OrderStatus.EXPIRED:
        _renew(planning)
    return planning.finished(request)


def _work_in(planning: Planning, operation: Operation) -> None:
    match operation:
        case AddLines():
            take(planning, operation, planning.position(), ())
        case ReplaceLines():
            _replace(planning, operation)
        case RemoveLines():
            lines = resolve(planning.order, operation.lines)
            named = {line.id for line in lines}
            with_them = tuple(each for each in supplements_of(planning.order, lines) if each.id not in named)
            planning.remove((*lines, *with_them))
            planning.replaced.append(ReplacedLines(originals=tuple(named), replacements=()))
        case AddSupplements():
            line = the_one(planning.order, operation.line)
            if line.id in planning.removes:
                raise LinesOverlap
            if line.supplement_of:
                raise ChangeNotAllowed
            sell_on_top(planning, operation.supplements, line, operation.customers)
        case SetTravellers():
            correct(planning, operation)


def _replace(planning: Planning, operation: ReplaceLines) -> None:
    lines = resolve(planning.order, operation.lines)
    if any(line.supplement_of for line in lines):
        raise ChangeNotAllowed
    if _nothing_new(lines, operation.with_):
        raise NothingToChange
    supplements = supplements_of(planning.order, lines)
    planning.remove(lines)
    new = [line for wish in operation.with_ for line in take(planning, wish, lines[0].position, lines)]
    _leave_behind(planning, supplements, new)
    originals = tuple(line.id for line in lines)
    planning.replaced.append(ReplacedLines(originals=originals, replacements=tuple(line.id for line in new)))


def _nothing_new(lines: tuple[OrderLine, ...], wishes: tuple[LineWish, ...]) -> bool:
    same = all(line.offer_bundle == wish.offer_bundle_id for line in lines for wish in wishes)
    plain = all(wish == LineWish(offer_bundle_id=wish.offer_bundle_id, offer_id=wish.offer_id) for wish in wishes)
    return same and plain


def _leave_behind(planning: Planning, supplements: tuple[OrderLine, ...], new: list[PlannedLine]) -> None:
    """Supplements follow their line to the next one, unless its product does not sell them."""
    sold = {code for line in new for code in planning.shelf.products[line.product].supplements}
    planning.remove(tuple(each for each in supplements if each.product not in sold))


def _renew(planning: Planning) -> None:
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
                keeps=seated.keeps if seated else (),
                holds=seated.holds if seated else 0,
            )
        )
