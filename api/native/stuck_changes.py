"""The routes by which an operator reverses, or reseats, a change that is stuck after its point of no return."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from api.context import ApiContext, api_context
from api.errors.problems import responses
from api.http.request_headers import RequestOptions, require_idempotency_key
from api.http.routes import AuthenticatedRoute
from api.native.attention import HelpIn
from api.native.changes_schema import ChangeOut, change_out
from api.services.change_response import to_http
from api.services.submit_request import submit
from domain.changes import ChangeKind, ChangeRequest

router = APIRouter(tags=["attention"], route_class=AuthenticatedRoute)

_RUNNING: dict[int | str, dict[str, Any]] = {
    202: {"model": ChangeOut, "description": "Still running; poll the URL in Location."}
}
_CODES = (
    *("MALFORMED_BODY", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MEMBER_INVALID"),
    *("IDEMPOTENCY_KEY_MISSING", "IDEMPOTENCY_MISMATCH", "ORDER_NOT_FOUND", "ORDER_ERASED", "ENGINE_UNREACHABLE"),
    *("SEATS_CONFIRMED", "OUTCOME_UNKNOWN", "ORDER_BUSY", "NEWER_WORKER_NEEDED"),
)
_REVERSE = _RUNNING | responses(*_CODES, "NOTHING_TO_REVERSE", "MONEY_PAID_BACK", "OLD_SEATS_UNKNOWN")
_RESEAT = _RUNNING | responses(*_CODES, "NOTHING_TO_RESEAT", "SOLD_OUT", "REVERSED")

Context = Annotated[ApiContext, Depends(api_context)]
Options = Annotated[RequestOptions, Depends(require_idempotency_key)]


@router.post("/v1/orders/{order}/attention/reverse", name="reverse", response_model=ChangeOut, responses=_REVERSE)
async def reverse(request: Request, order: str, body: HelpIn, ctx: Context, options: Options) -> Response:
    """Reverse the change that is stuck after its payment was settled: refund it and restore the confirmed version.

    From the first moment on the change does not go forward any more. What it captured is refunded, its seats are
    released, and it ends as `undone` with the code `REVERSED`. It is refused while the provider of the stuck step may
    have done it (OUTCOME_UNKNOWN).
    """
    return await _submit(request, ctx, order, ChangeKind.REVERSE, body, options)


@router.post("/v1/orders/{order}/attention/reseat", name="reseat", response_model=ChangeOut, responses=_RESEAT)
async def reseat(request: Request, order: str, body: HelpIn, ctx: Context, options: Options) -> Response:
    """Hold other seats for the change that is stuck after its payment was settled because its seats are gone.

    As many are held on the same service, the reservations keep their ids, and the change goes on by itself. With
    SOLD_OUT it stays as it was: it can be retried, reseated again or reversed. It is refused while the provider may
    have confirmed the seats (OUTCOME_UNKNOWN).
    """
    return await _submit(request, ctx, order, ChangeKind.RESEAT, body, options)


async def _submit(
    request: Request, ctx: ApiContext, order: str, kind: ChangeKind, body: HelpIn, options: RequestOptions
) -> Response:
    change_request = ChangeRequest(kind=kind, reason=body.reason)
    row, replayed = await submit(request, ctx, order, change_request, options, body.model_dump(mode="json"))
    status, headers = to_http(row, options, replayed=replayed)
    return JSONResponse(change_out(row).model_dump(mode="json"), status, headers)
