"""Parses JSON bodies strictly: it refuses what JSON leaves undefined and Python's parser accepts."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from fastapi import Request

from api.errors.problems import ProblemError
from api.errors.validation import is_program_name

MAX_DEPTH = 32
"""The deepest allowed nesting of arrays and objects; valid bodies have less than ten levels."""


class _NotFiniteError(Exception):
    """A number that JSON does not allow: NaN or infinity."""


def read_json(body: bytes) -> Any:
    """Parse a JSON body. Raise ProblemError for duplicate members, NaN, infinities and invalid text."""
    try:
        value = json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_unique_members, parse_constant=_not_finite, parse_float=_number
        )
    except _NotFiniteError:
        raise ProblemError("MEMBER_INVALID", [{"code": "number", "detail": "is not a finite number"}]) from None
    except (ValueError, RecursionError):
        raise ProblemError("MALFORMED_BODY") from None
    _check_depth(value)
    if _has_surrogate(body):
        _check_surrogates(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for outer in level for inner in _nested_values(outer)]
        if not level:
            return
    raise ProblemError("MALFORMED_BODY")


def _nested_values(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ProblemError("DUPLICATE_MEMBER", [{"member": twice}] if is_program_name(twice) else [])
    return members


def _not_finite(_text: str) -> Any:
    raise _NotFiniteError


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _NotFiniteError
    return value


def _has_surrogate(body: bytes) -> bool:
    return b"\\ud" in body or b"\\uD" in body


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        errors = [{"code": "text", "detail": "contains an unpaired surrogate"}]
        raise ProblemError("MEMBER_INVALID", errors) from None


class StrictRequest(Request):
    """A request whose body is parsed strictly."""

    async def json(self) -> Any:
        """Parse the body."""
        if not hasattr(self, "_strict_json"):
            self._strict_json = read_json(await self.body())
        return self._strict_json
