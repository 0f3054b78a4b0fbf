"""A confirmation may name the order's lines; it confirms all of them or is refused."""

import pytest

from domain.named_lines import check_named_lines
from domain.orders import Order
from domain.refusals import LineNotFound, LineRemoved, PartialConfirmNotSupported
from tests.domain.makers import NUMBER, line, order

A, B = "ann", "bob"


def ids(*numbers: int) -> list[str]:
    return [f"{NUMBER}-{number}" for number in numbers]


def exchanged() -> Order:
    """An order whose first line is replaced in the draft, whose second stays, and which gives up the third."""
    gone = {"removed_by": "C2", "removed_in": 2}
    return order(
        line(1, "standard", "morning", A, **gone),
        line(2, "standard", "morning", B),
        line(3, "standard", "evening", A, **gone),
        line(4, "flexible", "noon", A, replaces=tuple(ids(1)), added_in=2, added_by="C2"),
        line(5, "MEAL", "noon", A, supplement_of=ids(4)[0], added_in=2, added_by="C2"),
        version=2,
    )


@pytest.mark.parametrize(
    "named",
    [None, ids(2, 4), ids(4, 2), ids(1, 2), ids(1, 4, 2), ids(2, 4, 5), ids(2, 4, 3)],
    ids=["none", "all", "in any order", "by an alias", "twice", "a supplement too", "a line that is given up too"],
)
def test_naming_every_line_confirms_the_draft(named: list[str] | None) -> None:
    check_named_lines(exchanged(), named)


@pytest.mark.parametrize(
    ("named", "left_out"), [(ids(2), ids(4)), (ids(4), ids(2)), (ids(3), ids(2, 4)), ([], ids(2, 4))]
)
def test_naming_some_lines_is_never_taken_for_all(named: list[str], left_out: list[str]) -> None:
    with pytest.raises(PartialConfirmNotSupported) as refused:
        check_named_lines(exchanged(), named)
    assert refused.value.members == tuple({"line": each} for each in left_out)


def test_a_line_that_is_unknown_or_left_the_draft_is_refused() -> None:
    with pytest.raises(LineNotFound):
        check_named_lines(exchanged(), ids(2, 4, 99))
    dropped = line(6, "saver", "noon", B, added_in=2, added_by="C2", removed_by="C3", removed_in=2)
    changed = exchanged().model_copy(update={"lines": (*exchanged().lines, dropped)})
    with pytest.raises(LineRemoved):
        check_named_lines(changed, ids(2, 4, 6))


def test_an_order_without_lines_has_nothing_to_leave_out() -> None:
    check_named_lines(order(confirmed=0), [])
