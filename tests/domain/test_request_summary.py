"""A request's summary has its operations and no personal data."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter

from domain.changes import ChangeKind, ChangeRequest
from domain.money import Money
from domain.operations import Operation
from domain.request_summary import summarise
from tests.support.canary import ADULT, find_canaries
from tests.support.world import Json, add, people, replace

OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)


def change(*operations: Json, **more: bool) -> ChangeRequest:
    read = tuple(OPERATION.validate_python(each) for each in operations)
    return ChangeRequest(kind=ChangeKind.CHANGE, operations=read, **more)


@pytest.mark.parametrize(
    ("operation", "summary"),
    [
        (add("b1", ADULT), "add an offer"),
        (replace(["26-100001-1", "26-100001-2"], "b1"), "replace 2 lines by 1 offer"),
        ({"op": "remove_lines", "lines": ["26-100001-1"]}, "remove 1 line"),
        ({"op": "remove_lines", "position": 2}, "remove position 2"),
        ({"op": "set_position", "position": 3}, "set position 3"),
        ({"op": "keep_positions", "positions": [1, 2]}, "keep 2 positions"),
        (
            {"op": "add_supplements", "line": "26-100001-1", "supplements": [{"supplement": "MEAL", "count": 2}]},
            "add 2 supplements",
        ),
        ({"op": "set_travellers", "travellers": people(ADULT)}, "set the details of 1 traveller"),
    ],
)
def test_each_operation_is_summarised_without_personal_data(operation: Json, summary: str) -> None:
    assert summarise(change(operation)) == summary
    assert find_canaries(summary.encode()) == []


def test_amount_deadline_and_confirmation_are_summarised_too() -> None:
    assert summarise(change(replace(["26-100001-1"], "b1"), confirm=True)).endswith(", confirmed in one go")
    assert summarise(ChangeRequest(kind=ChangeKind.PAY, amount=Money(4000, "NOK"))) == "40.00 NOK"
    until = datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert summarise(ChangeRequest(kind=ChangeKind.EXTEND, expires_at=until)) == "until 2027-03-01 12:00 UTC"
    assert summarise(ChangeRequest(kind=ChangeKind.CONFIRM)) == ""


def test_a_long_request_has_a_short_summary() -> None:
    many = [{"op": "remove_lines", "position": number} for number in range(1, 51)]
    summary = summarise(change(*many))
    assert summary.endswith("remove position 4, 46 more")
