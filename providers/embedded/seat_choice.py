"""Chooses among free seats so that people who travel together sit together.

A block is a run of consecutive seat numbers in one coach.
"""

from collections.abc import Collection, Iterable
from itertools import groupby

Position = tuple[int, int]
"""Coach and seat."""
Block = list[Position]


def choose_seats(free: Collection[Position], count: int, beside: Collection[Position] = ()) -> list[Position]:
    """Return this many of the free seats, one at least, in order; there must be enough of them.

    They go beside the seats `beside`, so that both together are consecutive; else into the smallest free block that
    holds all of them; else into the fewest blocks. Of equal choices, the lowest coach and number is taken.
    """
    together = _choose_beside(free, count, set(beside) - set(free))
    if together:
        return together
    blocks = _blocks(free)
    fitting = [block for block in blocks if len(block) >= count]
    if fitting:
        return min(fitting, key=len)[:count]
    return _fill_fewest(blocks, count)


def _choose_beside(free: Collection[Position], count: int, own: Collection[Position]) -> list[Position]:
    """Return the lowest free seats that are consecutive together with some of our own; none if there are none."""
    for block in _blocks({*free, *own}):
        ours = [number for _, number in block if (block[0][0], number) in own]
        places = [position for position in block if position not in own]
        for start in range(len(places) - count + 1 if ours else 0):
            chosen = places[start : start + count]
            if any(chosen[0][1] - 1 <= number <= chosen[-1][1] + 1 for number in ours):
                return chosen
    return []


def _fill_fewest(blocks: list[Block], count: int) -> list[Position]:
    """Return seats in as few blocks as possible, and of these the lowest; no single block holds all of them."""
    largest = sorted(map(len, blocks), reverse=True)
    left = next(number for number in range(1, len(blocks) + 1) if sum(largest[:number]) >= count)
    chosen: list[Position] = []
    for index, block in enumerate(blocks):
        # The first block that leaves few enough seats for the largest of the later ones. It is filled: fewer blocks
        # would not hold all, and a fuller one needs less of the others.
        others = sorted(map(len, blocks[index + 1 :]), reverse=True)[: left - 1]
        if left and len(chosen) + len(block) + sum(others) >= count:
            chosen += block
            left -= 1
    return chosen[:count]


def _blocks(positions: Iterable[Position]) -> list[Block]:
    """Return the blocks that these seats form, by coach and number."""
    numbered = enumerate(sorted(positions))
    runs = groupby(numbered, key=lambda each: (each[1][0], each[1][1] - each[0]))
    return [[position for _, position in run] for _, run in runs]
