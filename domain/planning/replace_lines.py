"""Operations that take lines off an order, with or without others in their place."""

from collections.abc import Sequence

from domain.changes import ReplacedLines
from domain.lineage import at_position, position_of, resolve, supplements_of
from domain.operations import KeepPositions, LineWish, RemoveLines, ReplaceLines, SetPosition
from domain.orders import OrderLine
from domain.planning.add_lines import add_bundle_lines
from domain.planning.builder import PlanBuilder
from domain.planning.plan import PlannedLine
from domain.refusals import ChangeNotAllowed, NothingToChange
from domain.traveller_rules import correct, only_of


def replace_lines(planning: PlanBuilder, operation: ReplaceLines) -> None:
    """Put bundles in the place of lines. Raises ChangeNotAllowed, NothingToChange and what resolving raises."""
    lines = resolve(planning.order, operation.lines)
    if any(line.supplement_of for line in lines):
        raise ChangeNotAllowed
    if _nothing_new(lines, operation.with_):
        raise NothingToChange
    _replace(planning, lines, operation.with_)


def set_position(planning: PlanBuilder, operation: SetPosition) -> None:
    """Swap what is at a position, or complete its travellers when it carries the bundle already."""
    planning.at = operation.position
    there = at_position(planning.order, operation.position)
    bundle = operation.offer_bundle_id
    if bundle is None or all(line.offer_bundle == bundle for line in there):
        planning.leave(there)
        aboard = {traveller for line in there for traveller in line.travellers}
        correct(planning, only_of(planning, operation.travellers, aboard))
        return
    found = planning.catalogue.bundles.get(bundle)
    mapped = {each.id for offer in found.offers for each in offer.travellers} if found else set()
    details = only_of(planning, operation.travellers, mapped)
    _replace(planning, there, (LineWish(offer_bundle_id=bundle, travellers=details),))


def keep_positions(planning: PlanBuilder, operation: KeepPositions) -> None:
    """Take off every line at a position that is not named. Lines this change adds stay."""
    order = planning.order
    going = tuple(line for line in order.live_lines if position_of(order, line) not in operation.positions)
    if going:
        _remove(planning, going)


def remove_lines(planning: PlanBuilder, operation: RemoveLines) -> None:
    """Take off lines, and the supplements that go with them."""
    if operation.position is not None:
        _remove(planning, at_position(planning.order, operation.position))
    else:
        _remove(planning, resolve(planning.order, operation.lines))


def _remove(planning: PlanBuilder, lines: tuple[OrderLine, ...]) -> None:
    named = {line.id for line in lines}
    with_them = tuple(each for each in supplements_of(planning.order, lines) if each.id not in named)
    planning.remove((*lines, *with_them))
    planning.replaced.append(ReplacedLines(originals=tuple(line.id for line in lines), replacements=()))


def _replace(planning: PlanBuilder, lines: tuple[OrderLine, ...], wishes: Sequence[LineWish]) -> None:
    supplements = supplements_of(planning.order, lines)
    planning.remove(lines)
    new = [line for wish in wishes for line in add_bundle_lines(planning, wish, lines[0].position, lines)]
    _leave_behind(planning, supplements, new)
    originals = tuple(line.id for line in lines)
    planning.replaced.append(ReplacedLines(originals=originals, replacements=tuple(line.id for line in new)))


def _nothing_new(lines: tuple[OrderLine, ...], wishes: tuple[LineWish, ...]) -> bool:
    same = all(line.offer_bundle == wish.offer_bundle_id for line in lines for wish in wishes)
    plain = all(wish == LineWish(offer_bundle_id=wish.offer_bundle_id, offer_id=wish.offer_id) for wish in wishes)
    return same and plain


def _leave_behind(planning: PlanBuilder, supplements: tuple[OrderLine, ...], new: list[PlannedLine]) -> None:
    """Supplements follow their line to the next one, unless its product does not sell them."""
    sold = {code for line in new for code in planning.catalogue.products[line.product].supplements}
    planning.remove(tuple(each for each in supplements if each.product not in sold))
