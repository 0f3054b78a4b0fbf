"""Problems under discover.swiss's address: what a request got wrong by itself is 400, as in the original."""

from typing import Any

from fastapi.responses import Response
from starlette.types import Scope

from api.errors.problems import ProblemError, build_native_response, responses

BAD_REQUEST = 400


def as_problem(_scope: Scope, error: ProblemError) -> Response:
    """Return the answer for a problem."""
    return build_native_response(_as_here(error))


def _as_here(error: ProblemError) -> ProblemError:
    if error.problem.code == "MEMBER_INVALID":
        error.status_code = error.problem.status = BAD_REQUEST
    return error


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Document which problems a route answers with."""
    return responses(*codes, adapted=_as_here)
