"""What an inventory answers is believed only where it is what was requested."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from providers.errors import ProviderAnswerWrongError
from providers.inventory_answers import LARGEST_NUMBER, check_end, check_held, read_free_counts
from providers.protocols import Held, HeldSeat, HeldUnit, HoldRequest, SeatRequest, StockRequest

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DAY = date(2030, 3, 1)
REQUESTS: Sequence[HoldRequest] = (
    SeatRequest("4711", 2),
    SeatRequest("4713", 2, ("2-04", "2-03")),
    StockRequest("BICYCLE", "4711", None, 1),
    StockRequest("PASS", None, DAY, 1),
)
RIGHT: list[Held] = [
    HeldSeat("R1", "4711", 1, 7),
    HeldSeat("R2", "4711", 1, 8, LATER),
    HeldSeat("R3", "4713", 2, 4),
    HeldSeat("R4", "4713", 2, 3),
    HeldUnit("R5", "BICYCLE", "4711", None),
    HeldUnit("R6", "PASS", None, DAY, LATER),
]


def test_an_answer_that_is_what_was_requested_is_believed() -> None:
    check_held(REQUESTS, RIGHT, NOW)
    check_held([SeatRequest("4711", 1)], [HeldSeat("x" * 100, "4711", 1, LARGEST_NUMBER)], NOW)
    check_held([], [], NOW)


def at(place: int, **members: Any) -> Callable[[], list[Held]]:
    """Return the right answer but for some members of one place."""
    return lambda: [replace(each, **members) if index == place else each for index, each in enumerate(RIGHT)]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(list, id="nothing"),
        pytest.param(lambda: RIGHT[:-1], id="fewer"),
        pytest.param(lambda: [*RIGHT, HeldSeat("R7", "4711", 1, 9)], id="more"),
        pytest.param(lambda: None, id="no list"),
        pytest.param(lambda: "abcdef", id="a text"),
        pytest.param(lambda: [*RIGHT[:5], None], id="no unit"),
        pytest.param(lambda: [*RIGHT[2:4], *RIGHT[:2], *RIGHT[4:]], id="another order"),
        pytest.param(lambda: [RIGHT[4], *RIGHT[1:4], RIGHT[0], RIGHT[5]], id="a unit for a seat"),
        pytest.param(at(0, service="4712"), id="another service"),
        pytest.param(at(0, coach="1"), id="a coach as text"),
        pytest.param(at(0, seat="7"), id="a seat as text"),
        pytest.param(at(0, seat=None), id="no seat number"),
        pytest.param(at(0, seat=-5), id="a negative seat"),
        pytest.param(at(0, coach=0), id="coach 0"),
        pytest.param(at(0, seat=7.0), id="a seat with a fraction"),
        pytest.param(at(0, seat=True), id="a truth for a seat"),
        pytest.param(at(0, seat=LARGEST_NUMBER + 1), id="a seat without end"),
        pytest.param(at(1, seat=7), id="a seat twice"),
        pytest.param(at(2, seat=3), id="another seat than named, and twice"),
        pytest.param(at(2, seat=5), id="another seat than named"),
        pytest.param(at(2, coach=3), id="the seat named in another coach"),
        pytest.param(lambda: [*RIGHT[:2], RIGHT[3], RIGHT[2], *RIGHT[4:]], id="named seats in another order"),
        pytest.param(at(4, item="SLED"), id="another item"),
        pytest.param(at(4, service="4713"), id="a unit on another service"),
        pytest.param(at(5, day=date(2030, 3, 2)), id="another day"),
        pytest.param(at(5, service="4711"), id="a day's unit on a service"),
        pytest.param(at(4, reference="R1"), id="a reference twice"),
        pytest.param(at(0, reference=""), id="no reference"),
        pytest.param(at(0, reference="  "), id="a blank reference"),
        pytest.param(at(0, reference="x" * 101), id="a reference that is too long"),
        pytest.param(at(0, reference="R\x00"), id="a reference that cannot be stored"),
        pytest.param(at(0, reference="R\ud800"), id="a reference that cannot be written"),
        pytest.param(at(0, reference=1), id="a number for a reference"),
        pytest.param(at(0, until=NOW), id="it has ended"),
        pytest.param(at(0, until=datetime(2031, 1, 1)), id="an end without a zone"),  # noqa: DTZ001 - the lie
        pytest.param(at(0, until="2031-01-01T00:00:00Z"), id="an end as text"),
    ],
)
def test_any_other_answer_is_a_fault(answer: Callable[[], Any]) -> None:
    with pytest.raises(ProviderAnswerWrongError):
        check_held(REQUESTS, answer(), NOW)


def test_the_end_of_an_extension_is_a_time_to_come() -> None:
    check_end(None, NOW)
    check_end(NOW + timedelta(seconds=1), NOW)
    for wrong in (NOW, datetime(2031, 1, 1), "tomorrow", 7):  # noqa: DTZ001 - the lie
        with pytest.raises(ProviderAnswerWrongError):
            check_end(wrong, NOW)  # type: ignore[arg-type] # what is wrong is the type


class Counting:
    """An inventory that answers what a test says is free."""

    external = True

    def __init__(self, counts: Any) -> None:
        self.free = lambda *_: counts


@pytest.mark.parametrize("counts", [[0, 5], [None, 3], (2, None)])
def test_counts_of_what_is_free_are_believed_if_they_are_one_for_each_request(counts: Any) -> None:
    inventory: Any = Counting(counts)
    assert read_free_counts(inventory, "t", REQUESTS[:2], []) == list(counts)


@pytest.mark.parametrize("counts", [[1], [1, 2, 3], [1, -1], [1, "2"], [1, True], [1, 2.0], None, {"4711": 1}, 7])
def test_any_other_counts_are_a_fault(counts: Any) -> None:
    inventory: Any = Counting(counts)
    with pytest.raises(ProviderAnswerWrongError):
        read_free_counts(inventory, "t", REQUESTS[:2], [])
