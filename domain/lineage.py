"""Line lineage: which lines stand for which. The id of a replaced line stands for what was paired with it."""

from collections.abc import Iterable, Sequence

from domain.orders import Order, OrderLine
from domain.refusals import LineNotFound, LineRemoved, SelectedLinesMismatch


def current_lines(order: Order, line_id: str) -> tuple[OrderLine, ...]:
    """Return the live lines that a line's id stands for: itself while it is live, else what was paired with it.

    Of several lines, those that carry one of its travellers are meant, and no others if there are any. None when it
    was removed. Raises LineNotFound when the order never had such a line.
    """
    lines = {each.id: each for each in order.lines}
    line = lines.get(line_id)
    if line is None:
        raise LineNotFound({"line": line_id})
    if line.live:
        return (line,)
    found = [each for each in _successors(order.lines, line) if each.live]
    own = [each for each in found if set(each.travellers) & set(line.travellers)]
    return tuple(own or found)


def _successors(lines: Sequence[OrderLine], line: OrderLine) -> list[OrderLine]:
    """Return every line that was paired with a line, directly or through others, in the order's order."""
    reached = {line.id: line}
    pending = [line]
    while pending:
        earlier = pending.pop()
        # A change that goes back to a confirmed line removes what had replaced it.
        returned_by = earlier.removed_by
        ancestors = _ancestors(lines, earlier)
        for later in lines:
            is_back = returned_by is not None and later.restored_by == returned_by and later.id in ancestors
            if (earlier.id in later.replaces or is_back) and later.id not in reached:
                reached[later.id] = later
                pending.append(later)
    return [each for each in lines if each.id in reached]


def _ancestors(lines: Sequence[OrderLine], line: OrderLine) -> set[str]:
    """Return the ids of every line that a line replaced, directly or through others."""
    by_id = {each.id: each for each in lines}
    reached: set[str] = set()
    pending = list(line.replaces)
    while pending:
        earlier = pending.pop()
        if earlier not in reached:
            reached.add(earlier)
            pending.extend(by_id[earlier].replaces if earlier in by_id else ())
    return reached


def single_current_line(order: Order, line_id: str) -> OrderLine:
    """Return the only live line for a line id; LineRemoved when there is none or several."""
    current = current_lines(order, line_id)
    if len(current) != 1:
        raise LineRemoved({"line": line_id})
    return current[0]


def at_position(order: Order, position: int) -> tuple[OrderLine, ...]:
    """Return the live lines at a position, without supplements. Raises LineNotFound, LineRemoved."""
    at_it = tuple(line for line in order.live_lines if line.position == position and not line.supplement_of)
    if not at_it:
        raise LineRemoved if any(line.position == position for line in order.lines) else LineNotFound
    return at_it


def lines_to_give_up(order: Order, line_ids: Iterable[str]) -> tuple[OrderLine, ...]:
    """Return the live lines that a request gives up by these ids, each once.

    A line that now carries others as well is given up only when it is named itself, or when every traveller on it is
    named by an id that stands for it: nobody is given up who was not named. Raises LineNotFound, LineRemoved and
    SelectedLinesMismatch.
    """
    line_ids = tuple(line_ids)
    by_id = {each.id: each for each in order.lines}
    found: dict[str, OrderLine] = {}
    named: dict[str, set[str]] = {}
    for line_id in line_ids:
        current = current_lines(order, line_id)
        if not current:
            raise LineRemoved({"line": line_id})
        for line in current:
            found[line.id] = line
            of_id = line.travellers if line.id == line_id else by_id[line_id].travellers
            named.setdefault(line.id, set()).update(of_id)
    for line in found.values():
        if line.id not in line_ids and len(line.travellers) > 1 and not set(line.travellers) <= named[line.id]:
            raise SelectedLinesMismatch({"line": line.id})
    return tuple(found.values())


def supplements_of(order: Order, lines: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """Return the live supplements of these live lines."""
    ids = {line.id for line in lines}
    return tuple(line for line in order.live_lines if line.supplement_of in ids)
