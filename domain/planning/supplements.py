"""Supplements: they belong to travellers, move with them to new lines, and are sold anew (rules G1, G2 and G4)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import cycle

from domain.changes import ReplacedLines
from domain.customers import Customer
from domain.lineage import single_current_line, supplements_of
from domain.money import zero
from domain.operations import AddSupplements, LineWish, SupplementWish
from domain.orders import OrderLine
from domain.planning.builder import Line, Movement, PlanBuilder
from domain.planning.plan import PlannedLine
from domain.planning.stock import needs_new_unit
from domain.products import Supplement
from domain.refusals import (
    AlreadyBooked,
    ChangeNotAllowed,
    CurrencyMismatch,
    NotOffered,
    SeatingChangeNotSupported,
    SupplementNotOffered,
    TravellerNotOnOrder,
)
from domain.terms import ReturnableUntil, SoldUntil, Terms, free_terms


def plan_add_supplements(builder: PlanBuilder, operation: AddSupplements) -> None:
    """Add supplements to a line. By the id of a replaced line they are for its traveller."""
    line = single_current_line(builder.order, operation.line)
    builder.check_untouched((line,))
    if line.supplement_of:
        raise ChangeNotAllowed({"line": line.id})
    owner: tuple[str, ...] = ()
    if line.id != operation.line:
        named = next(each for each in builder.order.lines if each.id == operation.line)
        owner = tuple(each for each in line.travellers if each in named.travellers)
    movement = Movement()
    builder.movements.append(movement)
    sell_supplements(builder, operation.supplements, line, movement, owner, operation.customers)


def sell_supplements(
    builder: PlanBuilder,
    wishes: Iterable[SupplementWish],
    line: Line,
    movement: Movement,
    owner: tuple[str, ...] = (),
    customers: tuple[Customer, ...] = (),
) -> None:
    """Plan new supplements for a line, as one line each.

    The owner is the traveller that the wish names, else the only one of `owner` or of the line; else the line as a
    whole. Raises TravellerNotOnOrder for a named traveller who is not on the line.
    """
    for wish in wishes:
        supplement = _offered(builder, wish.supplement, line)
        if supplement is None:
            # The plan is refused for it, after the rules of time and people, which look at this line.
            builder.add((_placeholder(builder, wish.supplement, line),))
            continue
        if wish.traveller is not None and wish.traveller not in line.travellers:
            raise TravellerNotOnOrder({"line": line.id})
        candidates = (wish.traveller,) if wish.traveller else owner or line.travellers
        owned_by = candidates if len(candidates) == 1 else ()
        sold = [_sold(builder, supplement, line, owned_by, customers) for _ in range(wish.count)]
        builder.add(sold)
        movement.taken.extend(sold)


def _offered(builder: PlanBuilder, code: str, line: Line) -> Supplement | None:
    """Return the supplement if the line's product sells it; else note the refusal."""
    supplement, product = builder.catalogue.supplements.get(code), builder.product(line)
    about: dict[str, str | int] = {"supplement": code, "line": line.id}
    if supplement is None or product is None or code not in product.supplements:
        builder.product_refusals.append(SupplementNotOffered(about))
    elif supplement.changes_seating:
        builder.product_refusals.append(SeatingChangeNotSupported(about))
    elif supplement.withdrawn:
        builder.product_refusals.append(NotOffered(about))
    elif supplement.price.currency != builder.order.currency:
        builder.product_refusals.append(CurrencyMismatch(about))
    else:
        return supplement
    return None


def terms_of(supplement: Supplement) -> Terms:
    """Return the terms a supplement is sold under: no fee, its own limits of time, or those of its line."""
    return free_terms(supplement.price.currency).model_copy(
        update={
            "returnable_until": supplement.returnable_until or ReturnableUntil.LINE,
            "sold_until": supplement.sold_until or SoldUntil.LINE,
        }
    )


def _sold(
    builder: PlanBuilder, supplement: Supplement, line: Line, owner: tuple[str, ...], customers: tuple[Customer, ...]
) -> PlannedLine:
    line_id = builder.new_line_id()
    return PlannedLine(
        id=line_id,
        product=supplement.id,
        travellers=owner,
        price=supplement.price,
        tax_rate=supplement.tax_rate,
        terms=terms_of(supplement),
        offer_bundle=None,
        offer=None,
        supplement_of=line.id,
        customers=customers,
        sale=line_id,
        **_place_of(line),
    )


def _placeholder(builder: PlanBuilder, code: str, line: Line) -> PlannedLine:
    """Return a line of a supplement that cannot be sold; it is never written."""
    nothing = zero(builder.order.currency)
    line_id = builder.new_line_id()
    return PlannedLine(
        id=line_id,
        product=code,
        travellers=(),
        price=nothing,
        tax_rate=Decimal(0),
        terms=free_terms(nothing.currency),
        offer_bundle=None,
        offer=None,
        supplement_of=line.id,
        sale=line_id,
        **_place_of(line),
    )


def _place_of(line: Line) -> dict[str, object]:
    """Return what a supplement has from its line: position, service and validity."""
    names = ("position", "service", "valid_from", "first_day", "valid_until", "last_day")
    return {name: getattr(line, name) for name in names}


def move_supplements(
    builder: PlanBuilder, old: Sequence[OrderLine], targets: Sequence[Line], movement: Movement, *, leave: bool
) -> None:
    """Move the supplements of given-up lines to their owners' new lines; give up those that cannot move.

    A supplement moves to the first by departure of its owner's new lines whose product sells it, at the price, rate
    and terms it was sold for. It is given up when its owner leaves, when it is withdrawn or not sold there, and, with
    `leave`, when it would need a new unit of a limited stock.
    """
    restored = {line.sale for line in builder.order.lines if line.id in builder.restores}
    whole: dict[str, list[OrderLine]] = {}
    for supplement in supplements_of(builder.order, old):
        if supplement.id in builder.removes:
            continue
        if supplement.sale in restored:
            builder.remove((supplement,))
            continue
        if supplement.travellers:
            _move(builder, supplement, supplement.travellers, targets, movement, leave=leave)
        else:
            whole.setdefault(supplement.supplement_of or "", []).append(supplement)
    for line in old:
        _move_of_group(builder, line, whole.get(line.id, []), targets, movement, leave=leave)


def _move_of_group(
    builder: PlanBuilder,
    line: OrderLine,
    supplements: Sequence[OrderLine],
    targets: Sequence[Line],
    movement: Movement,
    *,
    leave: bool,
) -> None:
    """Move the supplements of a line as a whole: to a line that still carries several, else one to each traveller."""
    groups = [each for each in targets if len(each.travellers) > 1]
    here = groups or targets
    shared = set(line.travellers) & {each for target in here for each in target.travellers}
    if not shared and line.travellers:
        here = []
    owners = cycle([()] if groups else [(each,) for target in here for each in target.travellers] or [()])
    for supplement, owner in zip(supplements, owners, strict=False):
        _move(builder, supplement, owner, here, movement, leave=leave)


def _move(
    builder: PlanBuilder,
    supplement: OrderLine,
    owner: tuple[str, ...],
    targets: Sequence[Line],
    movement: Movement,
    *,
    leave: bool,
) -> None:
    theirs = [each for each in targets if not owner or set(owner) & set(each.travellers)]
    target = next((each for each in sorted(theirs, key=_start) if _sells(builder, each, supplement.product)), None)
    builder.remove((supplement,))
    moved = _carried(builder, supplement, target, owner) if target else None
    if moved is None or (leave and needs_new_unit(builder, moved)):
        movement.given_up.append(supplement)
        builder.replaced.append(ReplacedLines(originals=(supplement.id,), replacements=()))
        return
    builder.add((moved,))
    builder.replaced.append(ReplacedLines(originals=(supplement.id,), replacements=(moved.id,)))


def _start(line: Line) -> datetime:
    return line.valid_from


def _sells(builder: PlanBuilder, line: Line, code: str) -> bool:
    product, supplement = builder.product(line), builder.catalogue.supplements.get(code)
    return bool(product and supplement and code in product.supplements and not supplement.withdrawn)


def _carried(builder: PlanBuilder, supplement: OrderLine, target: Line, owner: tuple[str, ...]) -> PlannedLine:
    """Return a supplement's line on another line: the same sale, with its price, rate and terms."""
    names = ("product", "price", "tax_rate", "terms", "offer_bundle", "offer", "sale", "external_reference")
    sold = {name: getattr(supplement, name) for name in (*names, "customers", "distribution")}
    return PlannedLine(
        id=builder.new_line_id(),
        travellers=owner,
        supplement_of=target.id,
        replaces=(supplement.id,),
        **sold,
        **_place_of(target),
    )


def carry_supplements(builder: PlanBuilder, confirmed: OrderLine, line: PlannedLine) -> None:
    """Take along, to a line that carries a confirmed one on, the supplements that the draft had given up with it."""
    live = {each.sale for each in builder.order.live_lines} | {each.sale for each in builder.adds.values()}
    for supplement in builder.order.confirmed_lines:
        if supplement.supplement_of == confirmed.id and supplement.sale not in live:
            owner = tuple(each for each in supplement.travellers if each in line.travellers)
            builder.add((_carried(builder, supplement, line, owner),))


def sell_named(builder: PlanBuilder, wish: LineWish, targets: Sequence[Line], movement: Movement) -> None:
    """Sell the supplements that a wish names for each of its lines, beyond those which the line has by now."""
    for line in targets:
        have = Counter(each.product for each in _on(builder, line))
        for named in wish.supplements:
            missing = named.count - have[named.supplement]
            have[named.supplement] -= named.count
            if missing > 0:
                sell_supplements(builder, [named.model_copy(update={"count": missing})], line, movement)


def _on(builder: PlanBuilder, line: Line) -> list[Line]:
    return [each for each in builder.lines() if each.supplement_of == line.id]


def check_most(builder: PlanBuilder) -> None:
    """Note AlreadyBooked for each line with more of an added supplement than its travellers may have."""
    touched = {(line.supplement_of, line.product) for line in builder.adds.values() if line.supplement_of}
    lines = {each.id: each for each in builder.lines()}
    for line_id, code in sorted(touched, key=str):
        supplement, line = builder.catalogue.supplements.get(code), lines.get(line_id or "")
        if supplement is None or supplement.max_per_traveller is None or line is None:
            continue
        count = sum(each.product == code for each in _on(builder, line))
        if count > supplement.max_per_traveller * max(1, len(line.travellers)):
            builder.product_refusals.append(AlreadyBooked({"supplement": code, "line": line.id}))
