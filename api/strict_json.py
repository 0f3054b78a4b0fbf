"""Reads bodies strictly: what JSON leaves open, and Python reads generously, is refused here."""

import json
from collections.abc import Callable, Iterable
from email.message import Message
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.access.door import Door
from api.access.table import FOR_PRICES, SCOPE_OF
from api.body_limit import LARGEST_BODY
from api.problems import MEDIA_TYPE, ProblemError

DEEPEST = 32
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
    for _ in range(DEEPEST + 1):
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


class StrictRoute(APIRoute):
    """A route for those who may, which takes uncompressed JSON in UTF-8 and answers JSON."""

    answers = "application/json"

    def get_route_handler(self) -> Callable[[Request], Any]:
        """See who asks and what the body is said to be, then handle the request strictly."""
        handle, needed = super().get_route_handler(), SCOPE_OF[self.name]

        async def strict(request: Request) -> Response:
            door: Door = request.app.state.door
            await door.admit(request, needed, for_prices=self.name in FOR_PRICES)
            self.check(request)
            answer: Response = await handle(StrictRequest(request.scope, request.receive))
            return answer

        return strict

    def check(self, request: Request) -> None:
        """Refuse a request by its headers, before anything of a body is read."""
        _check_media(request, self.answers)


class StreamRoute(StrictRoute):
    """A route that answers with server-sent events."""

    answers = "text/event-stream"


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _check_media(request: Request, answers: str) -> None:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        raise ProblemError("BODY_TOO_LARGE")
    accepts = request.headers.get("accept", "*/*")
    any_like_it = f"{answers.partition('/')[0]}/*"
    if not any(kind in accepts for kind in ("*/*", any_like_it, answers, MEDIA_TYPE)):
        raise ProblemError("NOT_ACCEPTABLE")
    if request.method in ("POST", "PUT", "PATCH") and _has_body(request):
        message = Message()
        # A body that does not say what it is can only be JSON here.
        message["content-type"] = request.headers.get("content-type", "application/json")
        charset = str(message.get_param("charset", "utf-8")).lower()
        plain = request.headers.get("content-encoding", "identity") == "identity"
        if message.get_content_type() != "application/json" or charset not in ("utf-8", "utf8") or not plain:
            raise ProblemError("UNSUPPORTED_MEDIA_TYPE")
