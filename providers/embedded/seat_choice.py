"""Which free seats to take, so that people who travel together sit together."""

from collections.abc import Callable, Mapping
from itertools import groupby

Place = tuple[int, int]
"""Coach and seat."""


def choose(free: Mapping[Place, int], count: int) -> list[Place]:
    """Return this many free places: side by side in a row, else neighbours in a coach, else any.

    `free` gives each place its row. At every rank the tightest fit is taken, so that larger groups
    still find their rows; among equals the lowest place.
    """
    places = sorted(free)
    rows = _blocks(places, lambda place: (place[0], free[place]))
    coaches = _blocks(places, lambda place: (place[0], 0))
    for blocks in (rows, coaches):
        fitting = [block for block in blocks if len(block) >= count]
        if fitting:
            return min(fitting, key=len)[:count]
    return places[:count]


def _blocks(places: list[Place], key: Callable[[Place], tuple[int, int]]) -> list[list[Place]]:
    return [list(block) for _, block in groupby(places, key)]
