"""Which lines stand in the place of which: old ids keep resolving to what replaced them."""

from collections.abc import Iterable

from domain.orders import Order, OrderLine
from domain.refusals import LineNotFound, LineRemoved


def current_lines(order: Order, line_id: str) -> tuple[OrderLine, ...]:
    """Return the live lines in the place of a line: itself, or what replaced it, or nothing.

    Raises LineNotFound when the order never had such a line.
    """
    line = next((each for each in order.lines if each.id == line_id), None)
    if line is None:
        raise LineNotFound
    if line.live:
        return (line,)
    found: dict[str, OrderLine] = {}
    for successor in order.lines:
        if line_id in successor.replaces:
            found.update((each.id, each) for each in current_lines(order, successor.id))
    return tuple(found.values())


def single_current_line(order: Order, line_id: str) -> OrderLine:
    """Return the only live line in the place of a line; LineRemoved when there is none or several."""
    standing = current_lines(order, line_id)
    if len(standing) != 1:
        raise LineRemoved
    return standing[0]


def at_position(order: Order, position: int) -> tuple[OrderLine, ...]:
    """Return the live lines at a position, without supplements. Raises LineNotFound, LineRemoved."""
    there = tuple(line for line in order.live_lines if line.position == position and not line.supplement_of)
    if not there:
        raise LineRemoved if any(line.position == position for line in order.lines) else LineNotFound
    return there


def carrier(order: Order, supplement: OrderLine) -> str | None:
    """Return the line a supplement goes with now; None for a line that is no supplement."""
    if supplement.supplement_of is None:
        return None
    on = current_lines(order, supplement.supplement_of)
    return on[0].id if on else supplement.supplement_of


def position_of(order: Order, line: OrderLine) -> int:
    """Return the position a line is at: a supplement is where the line is that it goes with now."""
    on = current_lines(order, line.supplement_of) if line.supplement_of else ()
    return on[0].position if on else line.position


def resolve(order: Order, line_ids: Iterable[str]) -> tuple[OrderLine, ...]:
    """Return the live lines these ids stand for, each once; LineRemoved when one stands for nothing."""
    found: dict[str, OrderLine] = {}
    for line_id in line_ids:
        standing = current_lines(order, line_id)
        if not standing:
            raise LineRemoved
        found.update((line.id, line) for line in standing)
    return tuple(found.values())


def ancestry(order: Order, lines: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """Return these lines and everything they came in the place of."""
    by_id = {line.id: line for line in order.lines}
    found: dict[str, OrderLine] = {}
    waiting = list(lines)
    while waiting:
        line = waiting.pop()
        if line.id not in found:
            found[line.id] = line
            waiting.extend(by_id[earlier] for earlier in line.replaces if earlier in by_id)
    return tuple(found.values())


def supplements_of(order: Order, lines: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """Return the live supplements that go with any of these live lines."""
    ids = {line.id for line in lines}
    return tuple(
        line
        for line in order.live_lines
        if line.supplement_of and ids & {each.id for each in current_lines(order, line.supplement_of)}
    )
