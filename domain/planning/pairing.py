"""Pairs the lines that an operation gives up with those it takes, traveller by traveller (rule P1)."""

from collections.abc import Iterable, Sequence

from domain.planning.builder import Line


def pair_lines(old: Sequence[Line], new: Sequence[Line]) -> dict[str, tuple[str, ...]]:
    """Return, for each new line, the ids of the old lines it stands for; a line may be missing on either side.

    Each traveller's old and new lines are paired in order of departure, or start of validity; what is over on either
    side goes with the last of the other. Old lines none of whose travellers is on a new line are paired with the new
    lines none of whose travellers was on an old one.
    """
    pairs: list[tuple[Line, Line]] = []
    for traveller in dict.fromkeys(each for line in old for each in line.travellers):
        theirs = [line for line in _in_order(old) if traveller in line.travellers]
        pairs += _one_to_one(theirs, [line for line in _in_order(new) if traveller in line.travellers])
    before, after = _travellers(old), _travellers(new)
    left = [line for line in _in_order(old) if not set(line.travellers) & after]
    came = [line for line in _in_order(new) if not set(line.travellers) & before]
    pairs += _one_to_one(left, came)
    stands_for: dict[str, dict[str, None]] = {}
    for one, other in pairs:
        stands_for.setdefault(other.id, {})[one.id] = None
    return {line: tuple(ids) for line, ids in stands_for.items()}


def _one_to_one(old: Sequence[Line], new: Sequence[Line]) -> list[tuple[Line, Line]]:
    if not old or not new:
        return []
    count = max(len(old), len(new))
    return [(old[min(index, len(old) - 1)], new[min(index, len(new) - 1)]) for index in range(count)]


def _in_order(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: line.valid_from)


def _travellers(lines: Iterable[Line]) -> set[str]:
    return {each for line in lines for each in line.travellers}
