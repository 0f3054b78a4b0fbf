"""Turns the validation errors of a request into a problem, in our own words: a code and a sentence for each kind.

A problem never repeats a value that a client sent. It names an unknown member, unless its name may be data.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

from api.errors.problems import ProblemError
from domain.operations import Operation

MAX_ERRORS = 100
"""The most validation errors in one response: a small invalid body must not cause a response many times its size."""
OPERATIONS = tuple(get_args(kind.model_fields["op"].annotation)[0] for kind in get_args(get_args(Operation)[0]))
"""The known operations of a change."""
_PROGRAM_NAME = re.compile(r"[a-z][A-Za-z_]{0,39}", re.ASCII)


class _Kind(NamedTuple):
    code: str
    text: str


_TEXT = _Kind("text", "must be text")
_WHOLE = _Kind("whole_number", "must be a whole number")
_NUMBER = _Kind("number", "must be a number")
_FLAG = _Kind("flag", "must be true or false")
_ARRAY = _Kind("array", "must be an array")
_OBJECT = _Kind("object", "must be an object")
_DATE = _Kind("date", "must be a date written as YYYY-MM-DD")
_TIME = _Kind("time", "must be a time written as RFC 3339 with an offset")
_OPERATION = "must be one of {operations}"
_KINDS: Mapping[str, _Kind] = {
    "missing": _Kind("missing", "is missing"),
    "extra_forbidden": _Kind("unknown_member", "is unknown"),
    "union_tag_invalid": _Kind("unknown_operation", f"is an unknown operation; {_OPERATION}"),
    "union_tag_not_found": _Kind("unknown_operation", f"has no member op; it {_OPERATION}"),
    "value_error": _Kind("value", "{error}"),
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_long": _Kind("too_long", "must have at most {max_length} characters"),
    "string_too_short": _Kind("too_short", "must have at least {min_length} characters"),
    "string_pattern_mismatch": _Kind("form", "must match {pattern}"),
    "too_long": _Kind("too_long", "must have at most {max_length} elements"),
    "too_short": _Kind("too_short", "must have at least {min_length} elements"),
    "greater_than": _Kind("range", "must be more than {gt}"),
    "greater_than_equal": _Kind("range", "must be at least {ge}"),
    "less_than": _Kind("range", "must be less than {lt}"),
    "less_than_equal": _Kind("range", "must be at most {le}"),
    "enum": _Kind("choice", "must be one of {expected}"),
    "literal_error": _Kind("choice", "must be one of {expected}"),
    "none_required": _Kind("null", "must be null"),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), _NUMBER),
    **dict.fromkeys(("decimal_type", "decimal_parsing"), _NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), _FLAG),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), _ARRAY),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "dataclass_type"), _OBJECT),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DATE),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"), _TIME),
}
_OTHER = _Kind("invalid", "is invalid")


def build_validation_problem(errors: Sequence[Any]) -> ProblemError:
    """Return the problem for pydantic's validation errors, without any value of the client."""
    errors = errors[:MAX_ERRORS]
    members = [_member(each) for each in errors if not _is_consequence(each, errors)]
    if any(each["loc"] == ("body",) and each["type"] != "value_error" for each in errors):
        return ProblemError("MALFORMED_BODY", members)
    return ProblemError("MEMBER_INVALID", members)


def is_program_name(name: str) -> bool:
    """Whether a member's name can only be a name in a program; any other may be data, as in a map by people."""
    return _PROGRAM_NAME.fullmatch(name) is not None


def _member(error: Any) -> dict[str, Any]:
    kind, context = _KINDS.get(error["type"], _OTHER), dict(error.get("ctx") or {})
    member: dict[str, Any] = {"pointer": _pointer(error), "code": kind.code}
    if error["type"] == "extra_forbidden":
        return member | _unknown_member(str(error["loc"][-1]))
    if kind.code == "unknown_operation":
        member["operations"] = list(OPERATIONS)
    # pydantic writes the values of an enum in quotes; they are ours, not the client's.
    expected = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    words = context | {"expected": ", ".join(expected), "operations": ", ".join(OPERATIONS)}
    return member | {"detail": kind.text.format(**words)}


def _unknown_member(name: str) -> dict[str, str]:
    if not is_program_name(name):
        return {"detail": "has an unknown member"}
    return {"member": name, "detail": f"has an unknown member {name}"}


def _is_consequence(error: Any, errors: Sequence[Any]) -> bool:
    """Whether pydantic calls an array too short only because one of its elements is invalid."""
    location = error["loc"]
    return error["type"] == "too_short" and any(
        each["loc"][: len(location)] == location and len(each["loc"]) > len(location) for each in errors
    )


def _pointer(error: Any) -> str:
    """Return the JSON pointer of an error; that of an unknown member leads to its object."""
    location = [part for part in error["loc"] if part != "body"]
    if error["type"] == "extra_forbidden":
        location.pop()
    # pydantic adds the kind of an operation after its index; the JSON body has no such level.
    path = [str(part) for index, part in enumerate(location) if not _is_operation_kind(location, index)]
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)


def _is_operation_kind(location: Sequence[str | int], index: int) -> bool:
    return index > 1 and location[index - 2] == "operations" and isinstance(location[index - 1], int)
