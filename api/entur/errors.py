"""Errors in Entur's format, with our stable code in `code`."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.types import Scope

from api.errors.problems import AUTH_PROBLEMS, COMMON_PROBLEMS, ProblemError, ProblemMember, problem_headers

BAD_REQUESTS = frozenset(
    {
        "MEMBER_INVALID",
        "TRAVELLER_NOT_IN_OFFER",
        "TRAVELLER_COUNT_OUT_OF_RANGE",
        "SEATING_CHANGE_NOT_SUPPORTED",
        "SUPPLEMENT_NOT_OFFERED",
        "SEAT_UNKNOWN",
        "LINES_OVERLAP",
        "SELECTED_LINES_MISMATCH",
        "PARTIAL_CONFIRM_NOT_SUPPORTED",
    }
)
"""Codes of errors in the request itself: 400 on these routes, whatever the status on the native API."""


class ApiError(BaseModel):
    """An error in Entur's format. Input is never echoed: `path` is the route template."""

    timestamp: datetime
    status: int
    error: str = Field(examples=["Bad Request"])
    exception: str = Field(examples=["TRAVELLER_NOT_IN_OFFER"])
    message: str
    path: str = Field(examples=["/sales/v1/update-order"])
    title: str
    code: str = Field(description="Stable; clients should decide by this member.", examples=["TRAVELLER_NOT_IN_OFFER"])
    change: str | None = Field(default=None, description="Id of the refused change, if there is one.")
    errors: list[ProblemMember] = []


def status_of(error: ProblemError) -> int:
    """Return the status a problem has on these routes."""
    return 400 if error.problem.code in BAD_REQUESTS else error.status_code


def api_error(scope: Scope, error: ProblemError) -> Response:
    """Return the response for a problem in Entur's format."""
    status, problem = status_of(error), error.problem
    route = scope.get("route")
    body = ApiError(
        timestamp=scope["app"].state.context.store.now(),
        status=status,
        error=HTTPStatus(status).phrase,
        exception=problem.code,
        message=" ".join(filter(None, (problem.title, problem.detail))),
        path=getattr(route, "path", "/sales"),
        title=problem.title,
        code=problem.code,
        change=problem.change,
        errors=problem.errors,
    )
    return JSONResponse(body.model_dump(mode="json", exclude_none=True), status, problem_headers(error))


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI documentation of the errors that a route may return, by status."""
    documented: dict[int | str, dict[str, Any]] = {}
    for code in (*codes, "HEADER_MISSING", "CHANNEL_REFUSED", *COMMON_PROBLEMS, *AUTH_PROBLEMS):
        entry = documented.setdefault(status_of(ProblemError(code)), {"model": ApiError, "description": ""})
        entry["description"] = ", ".join(filter(None, (entry["description"], code)))
    return documented
