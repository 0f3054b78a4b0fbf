"""Turns every exception of a request into a problem."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from api.errors.problems import ProblemError, build_response
from api.errors.route_labels import method_of, route_template
from api.errors.validation import build_validation_problem
from api.workflow_client import TemporalUnavailableError
from domain.refusals import Refusal
from providers.errors import ProviderUnavailableError
from store.database.connections import BUSY
from temporal.names import PROVIDER_UNAVAILABLE

log = logging.getLogger(__name__)

_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "BODY_TOO_LARGE", 400: "MALFORMED_BODY"}


def install(app: FastAPI) -> None:
    """Register the handlers that answer every error of an application with a problem."""
    app.add_exception_handler(HTTPException, _handle_http_error)
    app.add_exception_handler(RequestValidationError, _handle_invalid_request)
    app.add_exception_handler(Refusal, _handle_refusal)
    for busy in BUSY:
        app.add_exception_handler(busy, _handle_busy_store)
    app.add_exception_handler(TemporalUnavailableError, _handle_unavailable_temporal)
    app.add_exception_handler(ProviderUnavailableError, _handle_unavailable_provider)
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


async def _handle_busy_store(request: Request, error: Exception) -> Response:
    log.warning("store busy", exc_info=error)
    return build_response(request.scope, ProblemError("STORE_BUSY"))


async def _handle_unavailable_temporal(request: Request, _error: Exception) -> Response:
    return build_response(request.scope, ProblemError("ENGINE_UNREACHABLE"))


async def _handle_unavailable_provider(request: Request, _error: Exception) -> Response:
    return build_response(request.scope, ProblemError(PROVIDER_UNAVAILABLE))


async def _handle_failure(request: Request, error: Exception) -> Response:
    log.error(
        "request failed",
        exc_info=error,
        extra={"method": method_of(request.scope), "route": route_template(request.scope)},
    )
    return build_response(request.scope, ProblemError("INTERNAL"))
