"""An old id stands for its own people, through every replacement, and never for somebody else."""

from typing import Any

import pytest

from domain.lineage import current_lines, lines_to_give_up
from domain.orders import Order
from domain.refusals import LineNotFound, LineRemoved, SelectedLinesMismatch
from tests.domain.makers import NUMBER, line, order

A, B = "ann", "bob"
GONE: dict[str, Any] = {"removed_by": "C2", "removed_in": 2}


def ids(on: Order, number: int) -> list[str]:
    return [each.id.removeprefix(f"{NUMBER}-") for each in current_lines(on, f"{NUMBER}-{number}")]


def test_a_replaced_line_stands_for_what_was_paired_with_it_through_others() -> None:
    first, second = line(1, "standard", "morning", A, **GONE), line(2, "standard", "noon", A, replaces=(f"{NUMBER}-1",))
    third = line(3, "flexible", "evening", A, replaces=(f"{NUMBER}-2",))
    on = order(first, second.model_copy(update={"removed_by": "C3", "removed_in": 3}), third)
    assert [ids(on, number) for number in (1, 2, 3)] == [["3"]] * 3


def test_of_several_lines_those_of_its_own_travellers_are_meant() -> None:
    both = line(1, "compartment", "morning", A, B, **GONE)
    ann, bob = (line(number, "standard", "noon", who, replaces=(both.id,)) for number, who in ((2, A), (3, B)))
    group = order(both, ann, bob)
    assert ids(group, 1) == ["2", "3"]
    moved = line(4, "standard", "evening", B, replaces=(bob.id, ann.id))
    later = order(both, ann, bob.model_copy(update=GONE), moved)
    assert ids(later, 3) == ["4"]


def test_a_removed_line_stands_for_nothing_and_an_unknown_one_is_not_found() -> None:
    on = order(line(1, "standard", "morning", A, **GONE), line(2, "standard", "noon", A))
    assert ids(on, 1) == []
    with pytest.raises(LineRemoved):
        lines_to_give_up(on, [f"{NUMBER}-1"])
    with pytest.raises(LineNotFound):
        current_lines(on, f"{NUMBER}-9")


def test_a_line_that_went_back_stands_for_the_confirmed_one() -> None:
    back = line(1, "standard", "morning", A, restored_by="C3")
    first = line(2, "standard", "noon", A, replaces=(back.id,), removed_by="C2", removed_in=2)
    second = line(3, "standard", "evening", A, replaces=(first.id,), removed_by="C3", removed_in=2)
    unrelated = line(4, "standard", "noon", B, removed_by="C3", removed_in=2)
    on = order(back, first, second, unrelated)
    assert [ids(on, number) for number in (2, 3, 4)] == [["1"], ["1"], []]


def test_a_line_that_carries_others_is_given_up_only_when_all_of_them_are_named() -> None:
    ann, bob = line(1, "standard", "morning", A, **GONE), line(2, "standard", "morning", B, **GONE)
    group = line(3, "compartment", "noon", A, B, replaces=(ann.id, bob.id))
    on = order(ann, bob, group)
    with pytest.raises(SelectedLinesMismatch):
        lines_to_give_up(on, [ann.id])
    assert lines_to_give_up(on, [ann.id, bob.id]) == (group,)
    assert lines_to_give_up(on, [group.id]) == (group,)
