"""Lines given up and lines taken are paired traveller by traveller."""

from hypothesis import given
from hypothesis import strategies as st

from domain.orders import OrderLine
from domain.planning.pairing import pair_lines
from tests.domain.makers import line

A, B, C = "ann", "bob", "cat"


def paired(old: list[OrderLine], new: list[OrderLine]) -> dict[int, set[int]]:
    pairs = pair_lines(old, new)
    return {int(key[-2:].lstrip("-")): {int(each[-2:].lstrip("-")) for each in ids} for key, ids in pairs.items()}


def test_everybody_keeps_to_their_own_lines() -> None:
    old = [line(1, "standard", "morning", A), line(2, "standard", "morning", B)]
    new = [line(3, "standard", "noon", B), line(4, "standard", "noon", A)]
    assert paired(old, new) == {3: {2}, 4: {1}}


def test_there_and_back_are_paired_in_order_of_departure() -> None:
    old = [line(1, "standard", "morning", A), line(2, "standard", "evening", A)]
    new = [line(3, "standard", "evening", A), line(4, "standard", "noon", A)]
    assert paired(old, new) == {4: {1}, 3: {2}}


def test_what_is_over_goes_with_the_last_of_the_other_side() -> None:
    old = [line(1, "standard", "morning", A), line(2, "standard", "noon", A), line(3, "standard", "evening", A)]
    assert paired(old, [line(4, "flexible", "noon", A)]) == {4: {1, 2, 3}}
    assert paired([line(4, "flexible", "noon", A)], old) == {1: {4}, 2: {4}, 3: {4}}


def test_those_who_left_are_paired_with_those_who_came() -> None:
    old = [line(1, "standard", "morning", A), line(2, "standard", "morning", B)]
    new = [line(3, "standard", "morning", A), line(4, "standard", "morning", C)]
    assert paired(old, new) == {3: {1}, 4: {2}}


def test_who_left_while_nobody_came_stands_for_nothing() -> None:
    old = [line(1, "standard", "morning", A), line(2, "standard", "morning", B)]
    assert paired(old, [line(3, "flexible", "morning", A)]) == {3: {1}}


def test_a_group_is_paired_with_each_of_its_travellers() -> None:
    group, singles = (
        line(1, "compartment", "morning", A, B),
        [line(2, "standard", "noon", A), line(3, "standard", "noon", B)],
    )
    assert paired([group], singles) == {2: {1}, 3: {1}}
    assert paired(singles, [group]) == {1: {2, 3}}


PEOPLE = st.sampled_from((A, B, C))
SERVICES = st.sampled_from(("morning", "noon", "evening"))


@given(st.lists(st.tuples(PEOPLE, SERVICES), max_size=5), st.lists(st.tuples(PEOPLE, SERVICES), max_size=5))
def test_a_line_is_paired_with_another_travellers_line_only_when_one_left_and_the_other_came(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    old = [line(number, "standard", on, who) for number, (who, on) in enumerate(before, start=1)]
    new = [line(number, "standard", on, who) for number, (who, on) in enumerate(after, start=10)]
    who = {each.id: each.travellers[0] for each in (*old, *new)}
    stayed = {each for each, _ in before} & {each for each, _ in after}
    for taken, given_up in pair_lines(old, new).items():
        for each in given_up:
            assert who[each] == who[taken] or not {who[each], who[taken]} & stayed
