"""Errors in the shape Entur's clients know, with our stable code beside it."""

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
    }
)
"""What the request got wrong by itself: 400 here, whatever it is on the native API."""


class ApiError(BaseModel):
    """An error as Entur spells it. Input is never echoed: the path is the route's."""

    timestamp: datetime
    status: int
    error: str = Field(examples=["Bad Request"])
    exception: str = Field(examples=["TRAVELLER_NOT_IN_OFFER"])
    message: str
    path: str = Field(examples=["/sales/v1/update-order"])
    title: str
    code: str = Field(description="Stable; decide by this.", examples=["TRAVELLER_NOT_IN_OFFER"])
    change: str | None = Field(default=None, description="The change that was refused, if there is one.")
    errors: list[ProblemMember] = []


def status_of(error: ProblemError) -> int:
    """Return the status a problem has on these routes."""
    return 400 if error.problem.code in BAD_REQUESTS else error.status_code


def api_error(scope: Scope, error: ProblemError) -> Response:
    """Return the answer for a problem in Entur's shape."""
    status, problem = status_of(error), error.problem
    route = scope.get("route")
    body = ApiError(
        timestamp=scope["app"].state.parts.store.now(),
        status=status,
        error=HTTPStatus(status).phrase,
        exception=problem.code,
        message=" ".join([problem.title, *map(_said, problem.errors)]),
        path=getattr(route, "path", "/sales"),
        title=problem.title,
        code=problem.code,
        change=problem.change,
        errors=problem.errors,
    )
    return JSONResponse(body.model_dump(mode="json", exclude_none=True), status, problem_headers(error))


def _said(member: ProblemMember) -> str:
    place = member.pointer or member.field or member.line
    return f"{': '.join(filter(None, (place, member.detail)))}."


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Document which errors a route answers with."""
    found: dict[int | str, dict[str, Any]] = {}
    for code in (*codes, "HEADER_MISSING", "CHANNEL_REFUSED", *COMMON_PROBLEMS, *AUTH_PROBLEMS):
        entry = found.setdefault(status_of(ProblemError(code)), {"model": ApiError, "description": ""})
        entry["description"] = ", ".join(filter(None, (entry["description"], code)))
    return found
