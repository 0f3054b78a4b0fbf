"""Reads bodies strictly: what JSON leaves open, and Python reads generously, is refused here."""

import json
from collections.abc import Iterable
from typing import Any

from fastapi import Request

from api.errors.problems import ProblemError

MAX_DEPTH = 32
"""How many arrays and objects may lie within each other; what is taken has less than ten."""


class _NotFiniteError(Exception):
    """A number JSON does not have."""


def read_json(body: bytes) -> Any:
    """Parse a JSON body. Raises ProblemError for duplicate members, NaN, infinities and broken text."""
    try:
        value = json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_not_finite, parse_float=_number
        )
    except _NotFiniteError:
        raise ProblemError("MEMBER_INVALID", [{"code": "number", "detail": "is not a finite number"}]) from None
    except (ValueError, RecursionError):
        raise ProblemError("MALFORMED_BODY") from None
    _refuse_depths(value)
    if _has_surrogate(body):
        _refuse_surrogates(value)
    return value


def _refuse_depths(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for outer in level for inner in _within(outer)]
        if not level:
            return
    raise ProblemError("MALFORMED_BODY")


def _within(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ProblemError("DUPLICATE_MEMBER")
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


def _refuse_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        errors = [{"code": "text", "detail": "holds half of a surrogate pair"}]
        raise ProblemError("MEMBER_INVALID", errors) from None


class StrictRequest(Request):
    """A request whose body is read strictly."""

    async def json(self) -> Any:
        """Parse the body."""
        if not hasattr(self, "_strict_json"):
            self._strict_json = read_json(await self.body())
        return self._strict_json
