"""Turns every exception of a request into a problem."""

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from api.errors.problems import ProblemError, build_response
from api.errors.route_labels import method_of, route_template
from api.workflow_client import TemporalUnavailableError
from domain.refusals import Refusal
from store.database.connections import BUSY

log = logging.getLogger(__name__)

MAX_ERRORS = 100
"""The most validation errors in one response: a small invalid body must not cause a response many times its size."""
_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "BODY_TOO_LARGE", 400: "MALFORMED_BODY"}


def install(app: FastAPI) -> None:
    """Register the handlers that answer every error of an application with a problem."""
    app.add_exception_handler(HTTPException, _handle_http_error)
    app.add_exception_handler(RequestValidationError, _handle_invalid_request)
    app.add_exception_handler(Refusal, _handle_refusal)
    for busy in BUSY:
        app.add_exception_handler(busy, _handle_busy_store)
    app.add_exception_handler(TemporalUnavailableError, _handle_unavailable_temporal)
    app.add_exception_handler(Exception, _handle_failure)


async def _handle_http_error(request: Request, error: Exception) -> Response:
    if isinstance(error, ProblemError):
        return build_response(request.scope, error)
    if not isinstance(error, HTTPException):
        raise error
    code, headers = _CODES.get(error.status_code, "INTERNAL"), dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = _allowed_methods(request) or headers["Allow"]
    return build_response(request.scope, ProblemError(code, headers=headers))


def _allowed_methods(request: Request) -> str:
    """Return every method that a URL supports; Starlette lists the methods of only one matching route."""
    paths: dict[str, Any] = request.app.openapi()["paths"]
    matching = [methods for path, methods in paths.items() if compile_path(path)[0].match(request.url.path)]
    return ", ".join(sorted({method.upper() for methods in matching for method in methods}))


async def _handle_refusal(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return build_response(request.scope, ProblemError(error.code, error.members))


async def _handle_invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return build_response(request.scope, build_validation_problem(error.errors()))


def build_validation_problem(errors: Sequence[Any]) -> ProblemError:
    """Return the problem for pydantic's validation errors, without any input of the client."""
    errors = errors[:MAX_ERRORS]
    causes = [each for each in errors if not _is_consequence(each, errors)]
    members = [{"pointer": _pointer(each), "code": each["type"], "detail": _detail(each)} for each in causes]
    if any(each["loc"] == ("body",) and each["type"] != "value_error" for each in errors):
        return ProblemError("MALFORMED_BODY", members)
    return ProblemError("MEMBER_INVALID", members)


def _is_consequence(error: Any, errors: Sequence[Any]) -> bool:
    """Whether pydantic calls an array too short only because one of its elements is invalid."""
    location = error["loc"]
    return error["type"] == "too_short" and any(
        each["loc"][: len(location)] == location and len(each["loc"]) > len(location) for each in errors
    )


def _pointer(error: Any) -> str:
    """Return the JSON pointer of an error.

    The name of an unknown member is input of the client too, so the pointer leads to its object.
    """
    location = [part for part in error["loc"] if part != "body"]
    if error["type"] == "extra_forbidden":
        location.pop()
    # pydantic adds the kind of an operation after its index; the JSON body has no such level.
    path = [str(part) for index, part in enumerate(location) if not _is_operation_kind(location, index)]
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)


def _is_operation_kind(location: Sequence[str | int], index: int) -> bool:
    return index > 1 and location[index - 2] == "operations" and isinstance(location[index - 1], int)


_DETAILS = {
    "extra_forbidden": "has an unknown member",
    "union_tag_invalid": "is an unknown operation; expected one of {expected}",
}


def _detail(error: Any) -> str:
    if error["type"] not in _DETAILS:
        return str(error["msg"])
    expected = str(error.get("ctx", {}).get("expected_tags", "")).replace("'", "")
    return _DETAILS[error["type"]].format(expected=expected)


async def _handle_busy_store(request: Request, error: Exception) -> Response:
    log.warning("store busy", exc_info=error)
    return build_response(request.scope, ProblemError("STORE_BUSY"))


async def _handle_unavailable_temporal(request: Request, _error: Exception) -> Response:
    return build_response(request.scope, ProblemError("ENGINE_UNREACHABLE"))


async def _handle_failure(request: Request, error: Exception) -> Response:
    log.error(
        "request failed",
        exc_info=error,
        extra={"method": method_of(request.scope), "route": route_template(request.scope)},
    )
    return build_response(request.scope, ProblemError("INTERNAL"))
