"""Turns whatever goes wrong in a request into a problem."""

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from api.errors.problems import ProblemError, shaped
from api.errors.route_labels import method_of, route_template
from api.workflow_client import TemporalUnavailableError
from domain.refusals import Refusal
from store.database.connections import BUSY

log = logging.getLogger(__name__)

MOST_ERRORS = 100
"""What is wrong with a body is told so far: it must not make an answer many times its size."""
_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "BODY_TOO_LARGE", 400: "MALFORMED_BODY"}


def install(app: FastAPI) -> None:
    """Let every error of an application be answered as a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Refusal, _refused)
    for busy in BUSY:
        app.add_exception_handler(busy, _busy)
    app.add_exception_handler(TemporalUnavailableError, _unreachable)
    app.add_exception_handler(Exception, _broken)


async def _http(request: Request, error: Exception) -> Response:
    if isinstance(error, ProblemError):
        return shaped(request.scope, error)
    if not isinstance(error, HTTPException):
        raise error
    code, headers = _CODES.get(error.status_code, "INTERNAL"), dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = _allowed(request) or headers["Allow"]
    return shaped(request.scope, ProblemError(code, headers=headers))


def _allowed(request: Request) -> str:
    """Return every method an address takes; Starlette names those of one of its routes only."""
    paths: dict[str, Any] = request.app.openapi()["paths"]
    here = [methods for path, methods in paths.items() if compile_path(path)[0].match(request.url.path)]
    return ", ".join(sorted({method.upper() for methods in here for method in methods}))


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return shaped(request.scope, ProblemError(error.code, error.members))


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return shaped(request.scope, invalid(error.errors()))


def invalid(errors: Sequence[Any]) -> ProblemError:
    """Return the problem for what pydantic found, without a word of what was sent."""
    errors = errors[:MOST_ERRORS]
    own = [each for each in errors if not _follows(each, errors)]
    members = [{"pointer": _pointer(each), "code": each["type"], "detail": _said(each)} for each in own]
    if any(each["loc"] == ("body",) and each["type"] != "value_error" for each in errors):
        return ProblemError("MALFORMED_BODY", members)
    return ProblemError("MEMBER_INVALID", members)


def _follows(error: Any, errors: Sequence[Any]) -> bool:
    """Whether an array is only called too short because an element of it is not valid."""
    place = error["loc"]
    return error["type"] == "too_short" and any(
        each["loc"][: len(place)] == place and len(each["loc"]) > len(place) for each in errors
    )


def _pointer(error: Any) -> str:
    """Return a JSON pointer. The name of an unknown member is input too: its object is pointed at."""
    place = [part for part in error["loc"] if part != "body"]
    if error["type"] == "extra_forbidden":
        place.pop()
    # pydantic puts the kind of an operation behind its index, where JSON has none.
    path = [str(part) for number, part in enumerate(place) if not _is_kind(place, number)]
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)


def _is_kind(place: Sequence[str | int], number: int) -> bool:
    return number > 1 and place[number - 2] == "operations" and isinstance(place[number - 1], int)


_OWN_WORDS = {
    "extra_forbidden": "has a member that is not known here",
    "union_tag_invalid": "is none of the operations there are",
}


def _said(error: Any) -> str:
    return _OWN_WORDS.get(error["type"]) or str(error["msg"])


async def _busy(request: Request, error: Exception) -> Response:
    log.warning("store busy", exc_info=error)
    return shaped(request.scope, ProblemError("STORE_BUSY"))


async def _unreachable(request: Request, _error: Exception) -> Response:
    return shaped(request.scope, ProblemError("ENGINE_UNREACHABLE"))


async def _broken(request: Request, error: Exception) -> Response:
    log.error(
        "request broke",
        exc_info=error,
        extra={"method": method_of(request.scope), "route": route_template(request.scope)},
    )
    return shaped(request.scope, ProblemError("INTERNAL"))
