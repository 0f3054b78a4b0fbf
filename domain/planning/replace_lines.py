"""Plans operations that give up lines, add lines, or both; going back to what was confirmed is the identity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.changes import ReplacedLines
from domain.lineage import at_position, lines_to_give_up, supplements_of
from domain.operations import AddLines, KeepPositions, LineWish, RemoveLines, ReplaceLines, SetPosition
from domain.orders import OrderLine
from domain.planning.add_lines import lines_of_wish
from domain.planning.builder import Line, Movement, PlanBuilder
from domain.planning.pairing import pair_lines
from domain.planning.plan import PlannedLine
from domain.planning.seat_assignment import Names, assign_seats, distribute_names, hold_missing
from domain.planning.supplements import carry_supplements, move_supplements, sell_named
from domain.planning.way_back import find_way_back, go_back
from domain.refusals import ChangeNotAllowed, NothingToChange, NotOffered
from domain.traveller_rules import correct_travellers, ignore_unknown


def add_lines(builder: PlanBuilder, operation: AddLines) -> None:
    """Add the lines of a bundle at a new position."""
    movement = Movement()
    builder.movements.append(movement)
    _exchange(builder, (), (operation,), builder.new_position(), movement)


def replace_lines(builder: PlanBuilder, operation: ReplaceLines) -> None:
    """Replace lines by bundles. Raises ChangeNotAllowed, NothingToChange and what `lines_to_give_up` raises."""
    lines = lines_to_give_up(builder.order, operation.lines)
    if any(line.supplement_of for line in lines):
        raise ChangeNotAllowed
    if _is_unchanged(lines, operation.with_):
        raise NothingToChange
    _exchange(builder, lines, operation.with_, lines[0].position, builder.replacement)


def set_position(builder: PlanBuilder, operation: SetPosition) -> None:
    """Replace the lines at a position, or only complete their travellers when they already have the bundle."""
    builder.current_position = operation.position
    lines = at_position(builder.order, operation.position)
    bundle = operation.offer_bundle_id
    if bundle is None or all(line.offer_bundle == bundle for line in lines):
        builder.check_untouched(lines)
        aboard = {traveller for line in lines for traveller in line.travellers}
        correct_travellers(builder, ignore_unknown(builder, operation.travellers, aboard))
        return
    offered = builder.catalogue.bundles.get(bundle)
    mapped = {each.id for offer in offered.offers for each in offer.travellers} if offered else set()
    details = ignore_unknown(builder, operation.travellers, mapped)
    wish = LineWish(offer_bundle_id=bundle, travellers=details)
    _exchange(builder, lines, (wish,), operation.position, builder.replacement)


def keep_positions(builder: PlanBuilder, operation: KeepPositions) -> None:
    """Remove every line whose position is not listed. Lines this change adds stay."""
    removed = tuple(line for line in builder.order.live_lines if line.position not in operation.positions)
    if removed:
        _remove(builder, tuple(line for line in removed if not line.supplement_of) or removed)


def remove_lines(builder: PlanBuilder, operation: RemoveLines) -> None:
    """Remove lines and the supplements that belong to them."""
    if operation.position is not None:
        _remove(builder, at_position(builder.order, operation.position))
    else:
        _remove(builder, lines_to_give_up(builder.order, operation.lines))


def _remove(builder: PlanBuilder, lines: tuple[OrderLine, ...]) -> None:
    named = {line.id for line in lines}
    supplements = tuple(each for each in supplements_of(builder.order, lines) if each.id not in named)
    builder.remove((*lines, *supplements))
    builder.movements.append(Movement(given_up=[*lines, *supplements]))
    builder.replaced.append(ReplacedLines(originals=tuple(line.id for line in lines), replacements=()))
    for supplement in supplements:
        builder.replaced.append(ReplacedLines(originals=(supplement.id,), replacements=()))


@dataclass(frozen=True)
class _Candidate:
    """A line that a wish asks for, and the confirmed line that already is the same."""

    line: PlannedLine
    back: OrderLine | None
    names: Names


def _exchange(
    builder: PlanBuilder, old: tuple[OrderLine, ...], wishes: Sequence[LineWish], position: int, movement: Movement
) -> None:
    """Give up lines for the lines of bundles: pair them, and let seats and supplements go along with travellers."""
    builder.remove(old)
    by_wish = [_candidates(builder, wish, position) for wish in wishes]
    candidates = [each for found in by_wish for each in found]
    new = [_taken(builder, each) for each in candidates if not _is_back(builder, each)]
    for each in candidates:
        if each.back and not each.back.live and each.line.id in builder.adds:
            carry_supplements(builder, each.back, each.line)
    targets = {each.line.id: builder.adds.get(each.line.id) or each.back or each.line for each in candidates}
    given_up = [line for line in old if line.id in builder.removes]
    _pair(builder, given_up, list(targets.values()), new)
    _seat(builder, new, {each.line.id: each.names for each in candidates}, old, list(targets.values()))
    movement.given_up.extend(given_up)
    movement.taken.extend(line for line in new if line.sale == line.id)
    move_supplements(
        builder, given_up, list(targets.values()), movement, leave=any(wish.leave_supplements for wish in wishes)
    )
    for wish, found in zip(wishes, by_wish, strict=True):
        sell_named(builder, wish, [targets[each.line.id] for each in found], movement)


def _candidates(builder: PlanBuilder, wish: LineWish, position: int) -> list[_Candidate]:
    lines = lines_of_wish(builder, wish, position)
    names = distribute_names(wish.seats, lines)
    found: list[_Candidate] = []
    for line in lines:
        back = find_way_back(builder, line, {each.back.id for each in found if each.back})
        found.append(_Candidate(line, back, names[line.id]))
    return found


def _is_back(builder: PlanBuilder, candidate: _Candidate) -> bool:
    """Go back to the confirmed line if the candidate is the same and everything of it is free."""
    return candidate.back is not None and go_back(builder, candidate.back, candidate.line, candidate.names)


def _taken(builder: PlanBuilder, candidate: _Candidate) -> PlannedLine:
    """Add a candidate's line: sold anew, or carrying on the sale of the confirmed line that is the same."""
    line = candidate.line
    if candidate.back is not None:
        sold = {name: getattr(candidate.back, name) for name in ("price", "tax_rate", "terms", "sale", "age_bands")}
        line = line.model_copy(update=sold)
    else:
        product = builder.product(line)
        if product is None or product.withdrawn:
            builder.product_refusals.append(NotOffered({"product": line.product}))
    builder.add((line,))
    return line


def _pair(builder: PlanBuilder, old: Sequence[OrderLine], targets: Sequence[Line], new: Sequence[PlannedLine]) -> None:
    pairs = pair_lines(old, targets)
    for line in new:
        builder.update(line, replaces=pairs.get(line.id, ()))
    originals = tuple(line.id for line in old)
    if originals:
        replacements, operation = tuple(line.id for line in targets), builder.current_operation
        builder.replaced.append(ReplacedLines(originals=originals, replacements=replacements, operation=operation))


def _seat(
    builder: PlanBuilder,
    new: Sequence[PlannedLine],
    names: Mapping[str, Names],
    old: Sequence[OrderLine],
    targets: Sequence[Line],
) -> None:
    assign_seats(builder, new, names, old, targets)
    hold_missing(builder, new, names)


def _is_unchanged(lines: tuple[OrderLine, ...], wishes: tuple[LineWish, ...]) -> bool:
    same = all(line.offer_bundle == wish.offer_bundle_id for line in lines for wish in wishes)
    plain = all(wish == LineWish(offer_bundle_id=wish.offer_bundle_id, offer_id=wish.offer_id) for wish in wishes)
    return same and plain
