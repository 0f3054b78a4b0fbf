"""Chooses among free seats so that people who travel together sit together."""

from collections.abc import Callable, Mapping
from itertools import groupby

Position = tuple[int, int]
"""Coach and seat."""


def choose_seats(free: Mapping[Position, int], count: int) -> list[Position]:
    """Return this many free seats: side by side in a row, else neighbours in a coach, else any.

    `free` maps each position to its row. Among the rows or coaches that fit, the one with the fewest free
    neighbours is taken, so that larger groups still find theirs; among equals the first.
    """
    positions = sorted(free)
    rows = _blocks(positions, lambda position: (position[0], free[position]))
    coaches = _blocks(positions, lambda position: (position[0], 0))
    for blocks in (rows, coaches):
        fitting = [block for block in blocks if len(block) >= count]
        if fitting:
            return min(fitting, key=len)[:count]
    return positions[:count]


def _blocks(positions: list[Position], key: Callable[[Position], tuple[int, int]]) -> list[list[Position]]:
    return [list(block) for _, block in groupby(positions, key)]
