"""Line lineage: which lines replaced which. The id of a replaced line resolves to its replacements."""

from collections.abc import Iterable

from domain.orders import Order, OrderLine
from domain.refusals import LineNotFound, LineRemoved


def current_lines(order: Order, line_id: str) -> tuple[OrderLine, ...]:
    """Return the live lines for a line id: the line itself, its replacements, or none when it was removed.

    Raises LineNotFound when the order never had such a line.
    """
    line = next((each for each in order.lines if each.id == line_id), None)
    if line is None:
        raise LineNotFound
    if line.live:
        return (line,)
    lines_by_id: dict[str, OrderLine] = {}
    for successor in order.lines:
        if line_id in successor.replaces:
            lines_by_id.update((each.id, each) for each in current_lines(order, successor.id))
    return tuple(lines_by_id.values())


def single_current_line(order: Order, line_id: str) -> OrderLine:
    """Return the only live line for a line id; LineRemoved when there is none or several."""
    current = current_lines(order, line_id)
    if len(current) != 1:
        raise LineRemoved
    return current[0]


def at_position(order: Order, position: int) -> tuple[OrderLine, ...]:
    """Return the live lines at a position, without supplements. Raises LineNotFound, LineRemoved."""
    at_it = tuple(line for line in order.live_lines if line.position == position and not line.supplement_of)
    if not at_it:
        raise LineRemoved if any(line.position == position for line in order.lines) else LineNotFound
    return at_it


def carrier(order: Order, supplement: OrderLine) -> str | None:
    """Return the id of the line a supplement belongs to now; None for a line that is no supplement."""
    if supplement.supplement_of is None:
        return None
    carriers = current_lines(order, supplement.supplement_of)
    return carriers[0].id if carriers else supplement.supplement_of


def position_of(order: Order, line: OrderLine) -> int:
    """Return a line's position; a supplement has the position of the line it belongs to now."""
    carriers = current_lines(order, line.supplement_of) if line.supplement_of else ()
    return carriers[0].position if carriers else line.position


def resolve(order: Order, line_ids: Iterable[str]) -> tuple[OrderLine, ...]:
    """Return the live lines for these ids, each once; LineRemoved when one has none."""
    lines_by_id: dict[str, OrderLine] = {}
    for line_id in line_ids:
        current = current_lines(order, line_id)
        if not current:
            raise LineRemoved
        lines_by_id.update((line.id, line) for line in current)
    return tuple(lines_by_id.values())


def ancestry(order: Order, lines: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """Return these lines and all lines they replaced, directly or not."""
    by_id = {line.id: line for line in order.lines}
    lines_by_id: dict[str, OrderLine] = {}
    pending = list(lines)
    while pending:
        line = pending.pop()
        if line.id not in lines_by_id:
            lines_by_id[line.id] = line
            pending.extend(by_id[earlier] for earlier in line.replaces if earlier in by_id)
    return tuple(lines_by_id.values())


def supplements_of(order: Order, lines: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """Return the live supplements that belong to any of these live lines."""
    ids = {line.id for line in lines}
    return tuple(
        line
        for line in order.live_lines
        if line.supplement_of and ids & {each.id for each in current_lines(order, line.supplement_of)}
    )
