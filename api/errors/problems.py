"""Every error as an RFC 9457 problem with a stable code. Input is never echoed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.types import Scope

from domain.changes import Outcome
from domain.refusals import all_refusals

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "5"

STATUS_OF_REFUSAL: Mapping[str, int] = {
    "PAYMENT_REFUSED": 402,
    "LINE_NOT_FOUND": 404,
    "OFFER_NOT_FOUND": 404,
    "STALE_ORDER": 412,
    "ORDER_BUSY": 423,
}
"""Every other refusal is 409."""

TITLES: dict[str, tuple[int, str]] = {
    "MALFORMED_REQUEST": (400, "What came in is no request that can be read."),
    "MALFORMED_BODY": (400, "The body is not the JSON this route takes."),
    "COUNT_WITH_TRAVELLERS": (400, "A count cannot be combined with chosen travellers."),
    "COUNT_WITH_LINE": (400, "A count other than 1 cannot be combined with a line to replace."),
    "SELECTED_LINES_MISMATCH": (400, "Configurations of one line must select the same lines, that line among them."),
    "DUPLICATE_PRODUCT": (400, "A product of the offer itself is selected twice."),
    "DUPLICATE_MEMBER": (400, "A JSON object names the same member twice."),
    "IDEMPOTENCY_KEY_MISSING": (400, "This request needs an Idempotency-Key header."),
    "HEADER_MISSING": (400, "A header that is required is missing."),
    "HEADER_INVALID": (400, "A header has a value that is not allowed."),
    "CREDENTIAL_IN_QUERY": (400, "Keys and tokens are sent in the Authorization header, never in the address."),
    "UNAUTHENTICATED": (401, "This needs a valid API key or access token, as Authorization: Bearer."),
    "SCOPE_MISSING": (403, "The client may not do this: it lacks a scope."),
    "CHANNEL_REFUSED": (403, "The client's orders are of another distribution channel."),
    "NOT_FOUND": (404, "There is nothing at this address."),
    "ORDER_NOT_FOUND": (404, "There is no such order."),
    "ORDER_ITEM_NOT_FOUND": (404, "The order has no such item."),
    "CHANGE_NOT_FOUND": (404, "There is no such change."),
    "PRODUCT_NOT_FOUND": (404, "There is no such product."),
    "SERVICE_NOT_FOUND": (404, "There is no such service."),
    "WEBHOOK_NOT_FOUND": (404, "There is no such webhook."),
    "TOO_MANY_WEBHOOKS": (409, "There are 50 webhooks already."),
    "NOTHING_STUCK": (409, "No step of this order is stuck."),
    "CROSS_SITE_FORM": (403, "A form of the desk is taken only from a page of the desk."),
    "HOST_UNKNOWN": (421, "The desk is not served under this host name."),
    "METHOD_NOT_ALLOWED": (405, "This address does not take this method."),
    "NOT_ACCEPTABLE": (406, "Answers are application/json; those of a change that is watched text/event-stream."),
    "BODY_TOO_SLOW": (408, "The body did not come in within 10 seconds."),
    "BODY_TOO_LARGE": (413, "The body is larger than 64 KiB."),
    "ADDRESS_TOO_LONG": (414, "The address is longer than 8 KiB."),
    "HEADERS_TOO_LARGE": (431, "The headers are larger than 16 KiB."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "Bodies are uncompressed application/json in UTF-8."),
    "RATE_LIMITED": (429, "Too many requests; identified clients may send more."),
    "ORDER_CHANGED_TOO_OFTEN": (
        429,
        "The order was asked to change too often; confirm or discard its draft, or try again later.",
    ),
    "MEMBER_INVALID": (422, "A member of the request is missing, unknown or not valid."),
    "IDEMPOTENCY_MISMATCH": (422, "The Idempotency-Key was used for another request."),
    "ADDRESS_UNKNOWN": (422, "The name of the URL's host has no address."),
    "ADDRESS_REFUSED": (422, "The URL's host has an address that is not public."),
    "STEP_FAILED": (500, "A step broke and everything was taken back. Try again with a new key."),
    "INTERNAL": (500, "Something broke on our side."),
    "ENGINE_UNREACHABLE": (503, "The request is kept but could not be started. Send it again with the same key."),
    "TOKEN_ISSUER_UNAVAILABLE": (503, "The token cannot be checked now: its issuer does not answer. Try again."),
    "TOO_MANY_WATCHERS": (503, "As many changes are watched here as may be. Try again later."),
    "STORE_BUSY": (503, "The store did not answer in time. Try again."),
}
TITLES |= {kind.code: (STATUS_OF_REFUSAL.get(kind.code, 409), kind.sentence) for kind in all_refusals().values()}


class ProblemMember(BaseModel):
    """What a problem is about: a JSON pointer into the request, or our own ids and field names."""

    pointer: str | None = None
    code: str | None = None
    detail: str | None = None
    line: str | None = None
    position: int | None = Field(default=None, description="At which position of the order it arose.")
    traveller: int | None = Field(default=None, description="Which of the line's travellers, from 0.")
    field: str | None = None


class Problem(BaseModel):
    """An RFC 9457 problem."""

    type: str = Field(examples=["/problems/SOLD_OUT"], description="Where the code is explained.")
    title: str
    status: int
    code: str = Field(examples=["SOLD_OUT"], description="Stable; decide by this.")
    change: str | None = Field(default=None, description="The change that was refused, if there is one.")
    errors: list[ProblemMember] = []


class ProblemError(HTTPException):
    """Answers a request with a problem."""

    def __init__(
        self,
        code: str,
        errors: Sequence[Mapping[str, Any]] = (),
        *,
        change: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        status, title = TITLES[code]
        super().__init__(status, detail=title, headers=dict(headers or {}))
        members = [ProblemMember.model_validate(each) for each in errors]
        self.problem = Problem(
            type=f"/problems/{code}", title=title, status=status, code=code, change=change, errors=members
        )


def problem_headers(error: ProblemError) -> dict[str, str]:
    """Return the headers of the answer for a problem; waiting helps against some."""
    waits = {"Retry-After": RETRY_SECONDS} if error.status_code in (423, 503) else {}
    return waits | dict(error.headers or {})


def response(error: ProblemError) -> JSONResponse:
    """Return the answer for a problem."""
    body = error.problem.model_dump(exclude_none=True)
    return JSONResponse(body, error.status_code, problem_headers(error), media_type=MEDIA_TYPE)


Shape = Callable[[Scope, ProblemError], Response]


def shaped(scope: Scope, error: ProblemError) -> Response:
    """Return the answer for a problem as the routes that were asked spell errors."""
    shapes: Mapping[str, Shape] = scope["app"].state.error_shapes
    for prefix, shape in shapes.items():
        if f"{scope['path']}/".startswith(f"{prefix}/"):
            return shape(scope, error)
    return response(error)


def of_outcome(change: str, outcome: Outcome) -> ProblemError:
    """Return the problem that a refused or undone change is answered with."""
    return ProblemError(outcome.code or "INTERNAL", outcome.members, change=change)


COMMON_PROBLEMS = (
    "HEADER_INVALID",
    "NOT_ACCEPTABLE",
    "ADDRESS_TOO_LONG",
    "HEADERS_TOO_LARGE",
    "INTERNAL",
    "STORE_BUSY",
)
"""What every route may answer."""
AUTH_PROBLEMS = ("UNAUTHENTICATED", "SCOPE_MISSING", "CREDENTIAL_IN_QUERY", "RATE_LIMITED", "TOKEN_ISSUER_UNAVAILABLE")
"""What every route may answer that asks who somebody is."""


def responses(
    *codes: str,
    adapted: Callable[[ProblemError], ProblemError] = lambda error: error,
    door: Sequence[str] = AUTH_PROBLEMS,
) -> dict[int | str, dict[str, Any]]:
    """Document which problems a route answers with, each with an example, as adapted to its façade."""
    documented: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys((*codes, *COMMON_PROBLEMS, *door)):
        error = adapted(ProblemError(code))
        media = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
        entry = documented.setdefault(error.status_code, {"content": {MEDIA_TYPE: media}})
        examples = entry["content"][MEDIA_TYPE]["examples"]
        examples[code] = {"summary": error.detail, "value": error.problem.model_dump(exclude_none=True)}
        entry["description"] = ", ".join(examples)
    return documented
