"""Problems on discover.swiss's routes: an invalid member is 400, as in the original API, instead of our 422."""

from typing import Any

from fastapi.responses import Response
from starlette.types import Scope

from api.errors.problems import ProblemError, build_native_response, responses

BAD_REQUEST = 400


def as_problem(_scope: Scope, error: ProblemError) -> Response:
    """Return the response for a problem."""
    return build_native_response(_with_original_status(error))


def _with_original_status(error: ProblemError) -> ProblemError:
    if error.problem.code == "MEMBER_INVALID":
        error.status_code = error.problem.status = BAD_REQUEST
    return error


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI documentation of the problems that a route may return, by status."""
    return responses(*codes, adapted=_with_original_status)
