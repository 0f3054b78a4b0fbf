"""Seats are chosen as the rule says: compared with a model that tries every choice."""

from collections.abc import Iterable
from itertools import combinations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from providers.embedded.seat_choice import Position, choose_seats

COACHES, SEATS = (1, 2), range(1, 8)
ALL = [(coach, seat) for coach in COACHES for seat in SEATS]


def blocks_of(positions: Iterable[Position]) -> list[set[Position]]:
    """Return the runs of consecutive numbers in one coach."""
    blocks: list[set[Position]] = []
    for coach, seat in sorted(positions):
        if blocks and (coach, seat - 1) in blocks[-1]:
            blocks[-1].add((coach, seat))
        else:
            blocks.append({(coach, seat)})
    return blocks


def sits_beside(choice: tuple[Position, ...], own: set[Position]) -> bool:
    """Whether a choice and some of the order's own seats are consecutive numbers in one coach."""
    return any(
        {*choice} <= run <= {*choice} | own and run & own
        for coach in COACHES
        for first in SEATS
        for last in SEATS
        if (run := {(coach, seat) for seat in range(first, last + 1)})
    )


def expected(free: set[Position], count: int, own: set[Position]) -> list[Position]:
    """Return the choice of the rule: beside the own seats, in the smallest block, in the fewest blocks, the lowest."""
    blocks = blocks_of(free)

    def rank(choice: tuple[Position, ...]) -> tuple[int, int, tuple[Position, ...]]:
        touched = [block for block in blocks if block & {*choice}]
        if sits_beside(choice, own):
            return 0, 0, choice
        if len(touched) == 1:
            return 1, len(touched[0]), choice
        return 2, len(touched), choice

    best: tuple[Position, ...] = min(combinations(sorted(free), count), key=rank)
    return list(best)


@settings(max_examples=400, deadline=None)
@given(seats=st.lists(st.sampled_from(["free", "own", "taken"]), min_size=len(ALL), max_size=len(ALL)), data=st.data())
def test_seats_are_chosen_as_by_trying_every_choice(seats: list[str], data: st.DataObject) -> None:
    free = {position for position, state in zip(ALL, seats, strict=True) if state == "free"}
    own = {position for position, state in zip(ALL, seats, strict=True) if state == "own"}
    assume(free)
    count = data.draw(st.integers(1, min(len(free), 5)))
    assert choose_seats(free, count, own) == expected(free, count, own)


def test_a_party_goes_to_the_smallest_block_that_holds_it_whole() -> None:
    assert choose_seats({(1, 1), (1, 2), (1, 3), (2, 5), (2, 6)}, 2) == [(2, 5), (2, 6)]
    assert choose_seats({(1, 1), (1, 3), (2, 5), (2, 6)}, 1) == [(1, 1)]


def test_a_party_that_no_block_holds_is_split_into_as_few_parts_as_possible() -> None:
    free = {(1, 1), (1, 3), (1, 4), (1, 6), (2, 1), (2, 2), (2, 3)}
    assert choose_seats(free, 4) == [(1, 1), (2, 1), (2, 2), (2, 3)]
    assert choose_seats(free, 5) == [(1, 3), (1, 4), (2, 1), (2, 2), (2, 3)]


def test_newcomers_sit_beside_the_seats_that_the_order_has() -> None:
    free = {(1, 1), (1, 2), (1, 6), (2, 7)}
    assert choose_seats(free, 1, beside=[(2, 6)]) == [(2, 7)]
    assert choose_seats(free, 2, beside=[(2, 6)]) == [(1, 1), (1, 2)]
    assert choose_seats(free, 3, beside=[(1, 3), (1, 4), (1, 5)]) == [(1, 1), (1, 2), (1, 6)]
