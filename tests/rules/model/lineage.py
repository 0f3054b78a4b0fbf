"""Which line was replaced by which, and what an id stands for (P1, P2)."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from tests.rules.model.lines import Line, Refused

Pairs = set[tuple[int, int]]
"""A line and one that replaced it, by key."""


def in_order_of_departure(lines: Iterable[Line]) -> list[Line]:
    """Return lines by departure; those that leave together keep their order."""
    return sorted(lines, key=lambda line: line.service.leaves)


def pair(old: Sequence[Line], new: Sequence[Line]) -> Pairs:
    """Pair lines by traveller, and the lines of those who left with the lines of newcomers."""
    old, new = in_order_of_departure(old), in_order_of_departure(new)
    before, after = ({who for line in lines for who in line.travellers} for lines in (old, new))
    pairs: Pairs = set()
    for who in before & after:
        pairs |= _one_to_one([each for each in old if who in each.travellers], [e for e in new if who in e.travellers])
    left = [line for line in old if not after & set(line.travellers)]
    came = [line for line in new if not before & set(line.travellers)]
    return pairs | _one_to_one(left, came)


def _one_to_one(old: Sequence[Line], new: Sequence[Line]) -> Pairs:
    """Pair lines in order; what is over on either side goes with the last of the other."""
    count = max(len(old), len(new)) if old and new else 0
    return {(old[min(n, len(old) - 1)].key, new[min(n, len(new) - 1)].key) for n in range(count)}


def resolve(key: int, lines: Mapping[int, Line], live: Collection[int], pairs: Pairs) -> list[Line]:
    """Return the live lines an id stands for: itself, else those paired with it, if possible with its travellers."""
    if key not in lines:
        raise Refused("LINE_NOT_FOUND")
    reached, pending, seen = dict[int, None](), [key], {key}
    while pending:
        current = pending.pop(0)
        if current in live:
            reached[current] = None
            continue
        successors = [new for old, new in sorted(pairs) if old == current and new not in seen]
        seen.update(successors)
        pending += successors
    own = [each for each in reached if set(lines[key].travellers) & set(lines[each].travellers)]
    return [lines[each] for each in own or reached]
