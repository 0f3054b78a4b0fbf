"""A problem says in our own words what it is about, and nothing that a client sent."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from api.errors.problems import ProblemError, ProblemMember
from api.errors.validation import MAX_ERRORS, OPERATIONS, build_validation_problem
from domain.operations import MAX_OPERATIONS, Operation
from tests.support.canary import ADULT, GIVEN, find_canaries
from tests.support.world import World, add, replace


class Sent(BaseModel):
    """A body with a member of many types."""

    text: Annotated[str, Field(strict=True, max_length=3, pattern="^[a-z]*$")] = ""
    count: Annotated[int, Field(strict=True, ge=1, le=9)] = 1
    flag: Annotated[bool, Field(strict=True)] = False
    parts: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (1,)
    kind: Literal["one", "two"] = "one"

    model_config = ConfigDict(extra="forbid")


def problem_of(kind: type[Any], value: object) -> ProblemError:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        located: list[Any] = [each | {"loc": ("body", *each["loc"])} for each in error.errors()]
        return build_validation_problem(located)
    raise AssertionError("the value is valid")


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ({"text": 7}, "text", "must be text"),
        ({"text": "abcd"}, "too_long", "must have at most 3 characters"),
        ({"text": "AB"}, "form", "must match ^[a-z]*$"),
        ({"count": "1"}, "whole_number", "must be a whole number"),
        ({"count": 0}, "range", "must be at least 1"),
        ({"count": 10}, "range", "must be at most 9"),
        ({"flag": "yes"}, "flag", "must be true or false"),
        ({"parts": ()}, "too_short", "must have at least 1 elements"),
        ({"parts": "1"}, "array", "must be an array"),
        ({"kind": "three"}, "choice", "must be one of one, two"),
    ],
    ids=str,
)
def test_an_invalid_member_is_named_with_what_it_must_be(body: dict[str, object], code: str, detail: str) -> None:
    problem = problem_of(Sent, body).problem
    (name,), (error,) = body, problem.errors
    assert (problem.code, error.pointer, error.code, error.detail) == ("MEMBER_INVALID", f"/{name}", code, detail)
    assert problem.detail == f"/{name}: {detail}."


def test_an_unknown_member_is_named_unless_its_name_may_be_data() -> None:
    problem = problem_of(Sent, {"refund_diference": 1}).problem
    assert problem.errors[0].member == "refund_diference"
    assert problem.detail == "Has an unknown member refund_diference."
    for name in ("Maria Li", "maria@example.org", "P1234567", "李", "x" * 41, "Maria"):
        unnamed = problem_of(Sent, {name: 1}).problem
        assert (unnamed.errors[0].member, unnamed.detail) == (None, "Has an unknown member.")


def test_an_unknown_operation_gets_the_list_of_those_there_are() -> None:
    assert set(OPERATIONS) >= {"add_lines", "replace_lines", "remove_lines", "add_supplements", "set_travellers"}
    for sent in ({"op": "cancel_everything"}, {}):
        problem = problem_of(tuple[Operation, ...], [sent]).problem
        assert problem.errors[0].operations == list(OPERATIONS)
        assert "remove_lines" in (problem.detail or "")
        assert "cancel_everything" not in str(problem.model_dump())


def test_no_sentence_of_a_library_reaches_a_client() -> None:
    for known in list_all_errors():
        context = known.get("example_context") or {}
        error = {"type": known["type"], "loc": ("body", "x"), "msg": known["message_template_python"], "ctx": context}
        (member,) = build_validation_problem([error]).problem.errors
        assert member.detail != error["msg"]
        assert not (member.detail or "").startswith(("Input", "String should", "Value error", "Field required"))
        assert member.code != known["type"] or known["type"] in ("missing", "too_long", "too_short")


def test_a_problem_describes_a_few_errors_and_counts_the_rest() -> None:
    errors = [{"type": "missing", "loc": ("body", f"m{number}"), "msg": "Field required"} for number in range(200)]
    problem = build_validation_problem(errors).problem
    assert len(problem.errors) == MAX_ERRORS
    assert (problem.detail or "").endswith("/m4: is missing. And 95 more.")


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ([{"line": "26-100000-1", "service": "4711"}], "Line 26-100000-1, service 4711."),
        ([{"amount": "12.00", "currency": "NOK"}, {"line": "26-100000-1"}], "12.00 NOK. Line 26-100000-1."),
        ([{"latest": "2027-03-01T12:00:00Z", "line": "26-1-1"}], "At the latest 2027-03-01T12:00:00Z, line 26-1-1."),
        ([{"line": "26-1-1", "traveller": 0, "field": "given_name"}], "Line 26-1-1, traveller 1, given_name."),
        ([{"supplement": "MEAL"}, {"supplement": "MEAL"}], "Supplement MEAL."),
        ([{"field": "X-Correlation-Id"}], "X-Correlation-Id."),
        ([{"something": "new"}], "Something new."),
        ([], None),
    ],
    ids=str,
)
def test_a_refusal_says_what_it_is_about(members: list[dict[str, Any]], detail: str | None) -> None:
    assert ProblemError("SOLD_OUT", members).problem.detail == detail


def test_a_problem_never_has_the_id_of_a_traveller() -> None:
    problem = ProblemError("TRAVELLERS_INCOMPLETE", [{"line": "26-1-1", "traveller": GIVEN}]).problem
    assert problem.errors == [ProblemMember(line="26-1-1")]
    assert not find_canaries(problem.model_dump_json().encode())


async def test_the_problems_of_an_order_name_their_line_amount_and_service(world: World) -> None:
    order, _ = await world.open_draft()
    unpaid = await world.confirm(order)
    assert (unpaid.code, unpaid.body["errors"][0]["amount"]) == ("BALANCE_NOT_ZERO", "100.00")
    assert unpaid.body["detail"] == "100.00 NOK."
    unknown = await world.change(order, replace([f"{order}-999"], "b"))
    assert (unknown.code, unknown.body["errors"], unknown.body["detail"]) == (
        "LINE_NOT_FOUND",
        [{"line": f"{order}-999"}],
        f"Line {order}-999.",
    )


async def test_a_member_that_no_operation_has_is_named(world: World) -> None:
    bundle = await world.offer("standard", ADULT, service=world.train())
    answer = await world.change(await world.order(), {**add(bundle, ADULT), "refundPriceDifference": True})
    assert (answer.status, answer.body["errors"]) == (
        422,
        [
            {
                "pointer": "/operations/0",
                "code": "unknown_member",
                "member": "refundPriceDifference",
                "detail": "has an unknown member refundPriceDifference",
            }
        ],
    )
    many = await world.change(await world.order(), *[{"op": "nothing"}] * MAX_OPERATIONS)
    assert many.body["errors"][0]["operations"] == list(OPERATIONS)
