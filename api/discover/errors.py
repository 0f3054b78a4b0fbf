"""Problems under discover.swiss's address: what a request got wrong by itself is 400, as in the original."""

from typing import Any

from fastapi.responses import Response
from starlette.types import Scope

from api.problems import MEDIA_TYPE, ProblemError, response

BAD_REQUEST = 400
_COMMON = ("HEADER_INVALID", "NOT_ACCEPTABLE", "INTERNAL", "STORE_BUSY")


def as_problem(_scope: Scope, error: ProblemError) -> Response:
    """Return the answer for a problem."""
    return response(_as_here(error))


def _as_here(error: ProblemError) -> ProblemError:
    if error.problem.code == "MEMBER_INVALID":
        error.status_code = error.problem.status = BAD_REQUEST
    return error


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Document which problems a route answers with."""
    found: dict[int | str, dict[str, Any]] = {}
    for code in (*codes, *_COMMON):
        media = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        entry = found.setdefault(_as_here(ProblemError(code)).status_code, {"content": media, "description": ""})
        entry["description"] = ", ".join(filter(None, (entry["description"], code)))
    return found
