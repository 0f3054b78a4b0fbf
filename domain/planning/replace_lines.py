"""Plans operations that remove lines, with or without replacements."""

from collections.abc import Sequence

from domain.changes import ReplacedLines
from domain.lineage import at_position, position_of, resolve, supplements_of
from domain.operations import KeepPositions, LineWish, RemoveLines, ReplaceLines, SetPosition
from domain.orders import OrderLine
from domain.planning.add_lines import add_bundle_lines
from domain.planning.builder import PlanBuilder
from domain.planning.plan import PlannedLine
from domain.refusals import ChangeNotAllowed, NothingToChange
from domain.traveller_rules import correct_travellers, ignore_unknown


def replace_lines(builder: PlanBuilder, operation: ReplaceLines) -> None:
    """Replace lines by bundles. Raises ChangeNotAllowed, NothingToChange and what `resolve` raises."""
    lines = resolve(builder.order, operation.lines)
    if any(line.supplement_of for line in lines):
        raise ChangeNotAllowed
    if _is_unchanged(lines, operation.with_):
        raise NothingToChange
    _replace(builder, lines, operation.with_)


def set_position(builder: PlanBuilder, operation: SetPosition) -> None:
    """Replace the lines at a position, or only complete their travellers when they already have the bundle."""
    builder.current_position = operation.position
    lines = at_position(builder.order, operation.position)
    bundle = operation.offer_bundle_id
    if bundle is None or all(line.offer_bundle == bundle for line in lines):
        builder.keep(lines)
        aboard = {traveller for line in lines for traveller in line.travellers}
        correct_travellers(builder, ignore_unknown(builder, operation.travellers, aboard))
        return
    offered = builder.catalogue.bundles.get(bundle)
    mapped = {each.id for offer in offered.offers for each in offer.travellers} if offered else set()
    details = ignore_unknown(builder, operation.travellers, mapped)
    _replace(builder, lines, (LineWish(offer_bundle_id=bundle, travellers=details),))


def keep_positions(builder: PlanBuilder, operation: KeepPositions) -> None:
    """Remove every line whose position is not listed. Lines this change adds stay."""
    order = builder.order
    removed = tuple(line for line in order.live_lines if position_of(order, line) not in operation.positions)
    if removed:
        _remove(builder, removed)


def remove_lines(builder: PlanBuilder, operation: RemoveLines) -> None:
    """Remove lines and the supplements that belong to them."""
    if operation.position is not None:
        _remove(builder, at_position(builder.order, operation.position))
    else:
        _remove(builder, resolve(builder.order, operation.lines))


def _remove(builder: PlanBuilder, lines: tuple[OrderLine, ...]) -> None:
    named = {line.id for line in lines}
    supplements = tuple(each for each in supplements_of(builder.order, lines) if each.id not in named)
    builder.remove((*lines, *supplements))
    builder.replaced.append(ReplacedLines(originals=tuple(line.id for line in lines), replacements=()))


def _replace(builder: PlanBuilder, lines: tuple[OrderLine, ...], wishes: Sequence[LineWish]) -> None:
    supplements = supplements_of(builder.order, lines)
    builder.remove(lines)
    new = [line for wish in wishes for line in add_bundle_lines(builder, wish, lines[0].position, lines)]
    _remove_unsold_supplements(builder, supplements, new)
    originals = tuple(line.id for line in lines)
    builder.replaced.append(ReplacedLines(originals=originals, replacements=tuple(line.id for line in new)))


def _is_unchanged(lines: tuple[OrderLine, ...], wishes: tuple[LineWish, ...]) -> bool:
    same = all(line.offer_bundle == wish.offer_bundle_id for line in lines for wish in wishes)
    plain = all(wish == LineWish(offer_bundle_id=wish.offer_bundle_id, offer_id=wish.offer_id) for wish in wishes)
    return same and plain


def _remove_unsold_supplements(
    builder: PlanBuilder, supplements: tuple[OrderLine, ...], new: list[PlannedLine]
) -> None:
    """Remove supplements that the new lines' products do not sell; the others follow their line."""
    sold = {code for line in new for code in builder.catalogue.products[line.product].supplements}
    builder.remove(tuple(each for each in supplements if each.product not in sold))
