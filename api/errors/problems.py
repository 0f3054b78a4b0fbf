"""RFC 9457 problems: every error has a stable code. A problem never contains a value that the client sent."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Scope

from api.errors.about import detail_of
from domain.changes import Outcome
from domain.refusals import all_refusals

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "5"

STATUS_OF_REFUSAL: Mapping[str, int] = {
    "SELECTED_LINES_MISMATCH": 400,
    "PAYMENT_REFUSED": 402,
    "PAYMENT_ACTION_REQUIRED": 402,
    "LINE_NOT_FOUND": 404,
    "OFFER_NOT_FOUND": 404,
    "STALE_ORDER": 412,
    "ORDER_BUSY": 423,
}
"""The HTTP status of refusals; every other refusal is 409."""

TITLES: dict[str, tuple[int, str]] = {
    "MALFORMED_REQUEST": (400, "The request is not valid HTTP."),
    "MALFORMED_BODY": (400, "The body is not JSON of the form that this route expects."),
    "COUNT_WITH_TRAVELLERS": (400, "A count cannot be combined with chosen travellers."),
    "COUNT_WITH_LINE": (400, "A count other than 1 cannot be combined with a line to replace."),
    "DUPLICATE_PRODUCT": (400, "A product of the offer itself is selected a second time."),
    "DUPLICATE_MEMBER": (400, "A JSON object has the same member twice."),
    "IDEMPOTENCY_KEY_MISSING": (400, "This request needs an Idempotency-Key header."),
    "HEADER_MISSING": (400, "A required header is missing."),
    "HEADER_INVALID": (400, "A header has an invalid value."),
    "CREDENTIAL_IN_QUERY": (400, "Send keys and tokens in the Authorization header, not in the URL."),
    "EVENT_NOT_VERIFIED": (400, "The event is not signed by the payment provider, was altered, or is too old."),
    "EVENT_UNREADABLE": (400, "The event is signed by the payment provider and cannot be read."),
    "UNAUTHENTICATED": (401, "A valid API key or access token is required, sent as Authorization: Bearer."),
    "SCOPE_MISSING": (403, "The client lacks the scope that this request requires."),
    "CHANNEL_REFUSED": (403, "The client may only use its own distribution channel."),
    "NOT_FOUND": (404, "There is no resource at this URL."),
    "ORDER_NOT_FOUND": (404, "There is no such order."),
    "ORDER_ITEM_NOT_FOUND": (404, "The order has no such item."),
    "CHANGE_NOT_FOUND": (404, "There is no such change."),
    "PRODUCT_NOT_FOUND": (404, "There is no such product."),
    "SERVICE_NOT_FOUND": (404, "There is no such service."),
    "WEBHOOK_NOT_FOUND": (404, "There is no such webhook."),
    "NO_PROVIDER_EVENTS": (404, "The payment provider of this installation sends no events."),
    "DISPUTE_NOT_OPEN": (409, "The order has no such dispute, or its case is closed."),
    "TOO_MANY_WEBHOOKS": (409, "The tenant already has 50 webhooks."),
    "NOTHING_STUCK": (409, "No step of this order is stuck."),
    "NOT_BY_HAND": (
        409,
        "The stuck step is in our own database; only a step at an external provider can be done by hand.",
    ),
    "CROSS_SITE_FORM": (403, "The desk accepts forms only from its own pages."),
    "HOST_UNKNOWN": (421, "The desk is not served under this host name."),
    "METHOD_NOT_ALLOWED": (405, "This URL does not support this method."),
    "NOT_ACCEPTABLE": (406, "Responses are application/json; a change stream is text/event-stream."),
    "BODY_TOO_SLOW": (408, "The body did not arrive within 10 seconds."),
    "BODY_TOO_LARGE": (413, "The body is larger than 64 KiB."),
    "ADDRESS_TOO_LONG": (414, "The URL is longer than 8 KiB."),
    "HEADERS_TOO_LARGE": (431, "The headers are larger than 16 KiB."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "The body must be uncompressed application/json in UTF-8."),
    "RATE_LIMITED": (429, "Too many requests. Clients that identify themselves have a higher limit."),
    "ORDER_CHANGED_TOO_OFTEN": (
        429,
        "The order received too many change requests. Confirm or discard its draft, or try again later.",
    ),
    "MEMBER_INVALID": (422, "A member of the request is missing, unknown or invalid."),
    "IDEMPOTENCY_MISMATCH": (422, "The Idempotency-Key was already used for a different request."),
    "ADDRESS_UNKNOWN": (422, "The host name of the URL does not resolve."),
    "ADDRESS_REFUSED": (422, "The host name of the URL resolves to an address that is not public."),
    "STEP_FAILED": (500, "A step failed and the change was undone. Try again with a new key."),
    "REVERSED": (409, "An operator reversed the change: its payment was refunded and the old version stands."),
    "INTERNAL": (500, "An internal error occurred."),
    "ENGINE_UNREACHABLE": (503, "Temporal does not answer. Try again with the same key."),
    "NEWER_WORKER_NEEDED": (
        503,
        "The request is stored and waits for a newer worker. Try again with the same key.",
    ),
    "TOKEN_ISSUER_UNAVAILABLE": (
        503,
        "The token issuer does not answer, so the token cannot be verified. Try again later.",
    ),
    "PROVIDER_UNAVAILABLE": (
        503,
        "An external provider does not answer, or not what it may. Try again later; an undone change needs a new key.",
    ),
    "TOO_MANY_WATCHERS": (503, "The limit of open change streams is reached. Try again later."),
    "STORE_BUSY": (503, "The database did not answer in time. Try again."),
}
TITLES |= {kind.code: (STATUS_OF_REFUSAL.get(kind.code, 409), kind.sentence) for kind in all_refusals().values()}


class ProblemMember(BaseModel):
    """One error of a problem: a JSON pointer into the request, or what it is about on the order."""

    pointer: str | None = None
    code: str | None = None
    member: str | None = Field(default=None, description="The unknown member of the object at `pointer`.")
    operations: list[str] | None = Field(default=None, description="The known operations, if one is unknown.")
    line: str | None = None
    position: int | None = Field(default=None, description="The position of the order that the error concerns.")
    traveller: int | None = Field(default=None, description="The index of the line's traveller, from 0.")
    field: str | None = None
    product: str | None = None
    supplement: str | None = None
    service: str | None = None
    day: str | None = None
    offer_bundle: str | None = None
    amount: str | None = Field(default=None, description="In `currency`.", examples=["12.00"])
    currency: str | None = None
    reference: str | None = Field(default=None, description="The payment provider's name for what needs its payer.")
    latest: str | None = Field(default=None, description="The latest deadline that the line allows.")
    ended: str | None = Field(default=None, description="How the last draft ended.", examples=["expired"])
    at: str | None = None
    detail: str | None = None

    model_config = ConfigDict(extra="allow")


class Problem(BaseModel):
    """An RFC 9457 problem."""

    type: str = Field(examples=["/problems/SOLD_OUT"], description="The page that explains the code.")
    title: str
    status: int
    code: str = Field(examples=["SOLD_OUT"], description="Stable; clients decide by this member.")
    detail: str | None = Field(default=None, description="What it is about, in words.")
    change: str | None = Field(default=None, description="The id of the refused change, if there is one.")
    errors: list[ProblemMember] = []


class ProblemError(HTTPException):
    """Ends a request with a problem."""

    def __init__(
        self,
        code: str,
        errors: Sequence[Mapping[str, Any]] = (),
        *,
        change: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        status, title = TITLES[code]
        errors = [_without_people(each) for each in errors]
        super().__init__(status, detail=title, headers=dict(headers or {}))
        self.problem = Problem(
            type=f"/problems/{code}",
            title=title,
            status=status,
            code=code,
            detail=detail_of(errors),
            change=change,
            errors=[ProblemMember.model_validate(each) for each in errors],
        )


def _without_people(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error without a traveller's id, which the client chose; a traveller's index stays."""
    return {name: each for name, each in error.items() if name != "traveller" or isinstance(each, int)}


def problem_headers(error: ProblemError) -> dict[str, str]:
    """Return the headers of a problem's response; 423 and 503 have a Retry-After."""
    waits = {"Retry-After": RETRY_SECONDS} if error.status_code in (423, 503) else {}
    return waits | dict(error.headers or {})


def build_native_response(error: ProblemError) -> JSONResponse:
    """Build the response for a problem as the native API sends it."""
    body = error.problem.model_dump(exclude_none=True)
    return JSONResponse(body, error.status_code, problem_headers(error), media_type=MEDIA_TYPE)


ResponseBuilder = Callable[[Scope, ProblemError], Response]


def build_response(scope: Scope, error: ProblemError) -> Response:
    """Build the response for a problem in the error format of the façade that serves the path."""
    builders: Mapping[str, ResponseBuilder] = scope["app"].state.error_shapes
    for prefix, build in builders.items():
        if f"{scope['path']}/".startswith(f"{prefix}/"):
            return build(scope, error)
    return build_native_response(error)


def of_outcome(change: str, outcome: Outcome) -> ProblemError:
    """Return the problem for the outcome of a refused or undone change."""
    return ProblemError(outcome.code or "INTERNAL", outcome.members, change=change)


COMMON_PROBLEMS = (
    "HEADER_INVALID",
    "NOT_ACCEPTABLE",
    "ADDRESS_TOO_LONG",
    "HEADERS_TOO_LARGE",
    "INTERNAL",
    "STORE_BUSY",
)
"""The problems that every route may respond with."""
AUTH_PROBLEMS = ("UNAUTHENTICATED", "SCOPE_MISSING", "CREDENTIAL_IN_QUERY", "RATE_LIMITED", "TOKEN_ISSUER_UNAVAILABLE")
"""The problems that every route with authentication may respond with."""


def responses(
    *codes: str,
    adapted: Callable[[ProblemError], ProblemError] = lambda error: error,
    auth: Sequence[str] = AUTH_PROBLEMS,
) -> dict[int | str, dict[str, Any]]:
    """Document the problems of a route in OpenAPI, each with an example.

    `adapted` changes a problem to the form of the façade; `auth` is empty for routes without authentication.
    """
    documented: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys((*codes, *COMMON_PROBLEMS, *auth)):
        error = adapted(ProblemError(code))
        media = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
        entry = documented.setdefault(error.status_code, {"content": {MEDIA_TYPE: media}})
        examples = entry["content"][MEDIA_TYPE]["examples"]
        examples[code] = {"summary": error.detail, "value": error.problem.model_dump(exclude_none=True)}
        entry["description"] = ", ".join(examples)
    return documented
