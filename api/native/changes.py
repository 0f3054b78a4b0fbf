"""Routes that change an order: quotes, changes, confirmation, payment, discard and expiry."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from activities.quotes import price, read_unpriced
from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.birth_dates import check_birth_dates
from api.http.request_headers import RequestOptions, request_options, require_idempotency_key
from api.http.routes import AuthenticatedRoute
from api.native.changes_schema import (
    ChangeDetails,
    ChangeIn,
    ChangeOut,
    ConfirmIn,
    DeadlineIn,
    PaymentIn,
    QuoteIn,
    QuoteOut,
    ReasonIn,
    change_out,
    details_out,
    quote_out,
)
from api.services.change_response import to_http
from api.services.read_order import require_order_number
from api.services.submit_request import find_previous, submit
from domain.changes import ChangeKind, ChangeRequest, PaymentMeans, deadline_horizon
from domain.money import Money, parse_money
from store.changes import changes, step_records
from store.orders.orders import find
from store.tables import ChangeRow, StepRecordRow

router = APIRouter(tags=["changes"], route_class=AuthenticatedRoute)

Context = Annotated[ApiContext, Depends(api_context)]
Keyed = Annotated[RequestOptions, Depends(require_idempotency_key)]
_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_READ = ("ORDER_NOT_FOUND",)
_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
_BODY = ("MALFORMED_BODY", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MEMBER_INVALID")
_SUBMIT = (
    *_READ,
    "ORDER_ERASED",
    "STALE_ORDER",
    "ORDER_NEEDS_ATTENTION",
    "ORDER_BUSY",
    "STEP_FAILED",
    "ENGINE_UNREACHABLE",
    "NEWER_WORKER_NEEDED",
    _UNAVAILABLE,
)
_KEY = ("IDEMPOTENCY_KEY_MISSING", "IDEMPOTENCY_MISMATCH")
_QUOTED = (
    "LINE_NOT_FOUND",
    "OFFER_NOT_FOUND",
    "ORDER_CANCELLED",
    "ORDER_ERASED",
    "LINE_REMOVED",
    "LINES_OVERLAP",
    "TOO_MANY_LINES",
    "CHANGE_NOT_ALLOWED",
    "NOTHING_TO_CHANGE",
    "CURRENCY_MISMATCH",
    "OFFER_EXPIRED",
    "OFFER_TAKEN",
    "NOT_OFFERED",
    "SERVICE_DEPARTED",
    "VALIDITY_STARTED",
    "VALIDITY_OVER",
    "NOT_RETURNABLE",
    "SELECTED_LINES_MISMATCH",
    "TRAVELLER_ALREADY_ON_SERVICE",
    "ALREADY_BOOKED",
    "SUPPLEMENT_NOT_OFFERED",
    "SEATING_CHANGE_NOT_SUPPORTED",
    "TRAVELLER_NOT_IN_OFFER",
    "TRAVELLER_COUNT_OUT_OF_RANGE",
    "TRAVELLER_NOT_ON_ORDER",
    "TRAVELLER_DIFFERS",
    "TRAVELLERS_INCOMPLETE",
    "SEAT_UNKNOWN",
)
_TOO_OFTEN = "ORDER_CHANGED_TOO_OFTEN"
_RUN = (
    "SOLD_OUT",
    "SEAT_TAKEN",
    "ORDER_HOLDS_TOO_MANY",
    "CLIENT_HOLDS_TOO_MANY",
    "ALREADY_CONFIRMED",
    "DRAFT_OPEN",
    "REFUND_UNDECIDED",
    _TOO_OFTEN,
)
_MONEY = (
    "PAYMENT_REFUSED",
    "PAYMENT_ACTION_REQUIRED",
    "REFUND_REFUSED",
    "BALANCE_NOT_ZERO",
    "PRICE_ABOVE_LIMIT",
    "HOLD_LOST",
    "HOLD_TOO_SHORT",
    "HOLD_COSTS_MONEY",
    "AUTHORISATION_TOO_SHORT",
    "TRAVELLERS_INCOMPLETE",
    "ACCOMPANIED_ONLY",
)
_TIMES = ("SERVICE_DEPARTED", "VALIDITY_STARTED", "VALIDITY_OVER", "NOT_RETURNABLE")
_CONFIRM = (*_TIMES, "ORDER_EXPIRED", "ORDER_EMPTY", "ORDER_CANCELLED", "DRAFT_ENDED")
_RUNNING: dict[int | str, dict[str, Any]] = {
    202: {"model": ChangeOut, "description": "Still running; poll the URL in Location."}
}


@router.post(
    "/v1/orders/{order}/quotes", name="quote", responses=responses(*_BODY, *_READ, *_QUOTED, "PROVIDER_UNAVAILABLE")
)
def quote(order: str, body: QuoteIn, ctx: Context) -> QuoteOut:
    """Price a change. No seat is held and nothing is recorded; offer bundles keep their own expiry."""
    _check_travellers(body, ctx)
    request = ChangeRequest(
        kind=ChangeKind.CHANGE,
        operations=body.operations,
        refund_price_difference=body.refund_price_difference,
    )
    with ctx.store.read() as tx:
        order_row = find(tx, require_order_number(order))
        if order_row is None:
            raise ProblemError("ORDER_NOT_FOUND")
        unpriced = read_unpriced(tx, order_row, request)
    return quote_out(price(unpriced, ctx.offers, ctx.store.now()))


@router.post(
    "/v1/orders/{order}/changes",
    name="change",
    response_model=ChangeOut,
    responses=_RUNNING | responses(*_BODY, *_KEY, *_SUBMIT, *_QUOTED, *_MONEY, *_RUN),
)
async def change(request: Request, order: str, body: ChangeIn, ctx: Context, options: Keyed) -> Response:
    """Change an order. The change goes into the draft; with `confirm` it is confirmed, or undone as a whole."""
    _check_travellers(body, ctx)
    change_request = ChangeRequest(
        kind=ChangeKind.CHANGE,
        operations=body.operations,
        refund_price_difference=body.refund_price_difference,
        confirm=body.confirm,
        payment=body.payment,
        at_most=await _limit(ctx, order, body.at_most),
        until_confirmed=body.until_confirmed,
        reason=body.reason,
        if_match=options.if_match,
    )
    return await _submit(request, ctx, order, change_request, options, body)


@router.post(
    "/v1/orders/{order}/confirm",
    name="confirm",
    response_model=ChangeOut,
    responses=_RUNNING
    | responses(
        *_BODY, *_KEY, *_SUBMIT, *_MONEY, *_TIMES, "ORDER_EXPIRED", "ORDER_EMPTY", "ORDER_CANCELLED", "DRAFT_ENDED"
    ),
)
async def confirm(request: Request, order: str, body: ConfirmIn, ctx: Context, options: Keyed) -> Response:
    """Confirm the draft and capture the amount due. A confirmed order stays as it is: 200."""
    change_request = ChangeRequest(
        kind=ChangeKind.CONFIRM,
        payment=body.payment,
        at_most=await _limit(ctx, order, body.at_most),
        reason=body.reason,
        if_match=options.if_match,
    )
    return await _submit(request, ctx, order, change_request, options, body)


@router.post(
    "/v1/orders/{order}/payments",
    name="pay",
    response_model=ChangeOut,
    responses=_RUNNING
    | responses(
        *_BODY,
        *_KEY,
        *_SUBMIT,
        "PAYMENT_REFUSED",
        "PAYMENT_ACTION_REQUIRED",
        "PAYMENT_TOO_HIGH",
        *_TIMES,
        "CURRENCY_MISMATCH",
        "ORDER_EXPIRED",
        "ORDER_CANCELLED",
    ),
)
async def pay(request: Request, order: str, body: PaymentIn, ctx: Context, options: Keyed) -> Response:
    """Authorise a payment for the draft. Confirmation captures it; discard and expiry void it."""
    try:
        amount = parse_money(body.amount, body.currency)
    except ValueError as error:
        errors = [{"pointer": "/amount", "code": "amount", "detail": str(error)}]
        raise ProblemError("MEMBER_INVALID", errors) from None
    if not amount.minor:
        errors = [{"pointer": "/amount", "code": "amount", "detail": "must be greater than zero"}]
        raise ProblemError("MEMBER_INVALID", errors)
    means = PaymentMeans(method=body.method, token=body.token)
    change_request = ChangeRequest(
        kind=ChangeKind.PAY, amount=amount, payment=means, reason=body.reason, if_match=options.if_match
    )
    return await _submit(request, ctx, order, change_request, options, body)


@router.delete(
    "/v1/orders/{order}/draft",
    name="discard",
    response_model=ChangeOut,
    responses=_RUNNING | responses(*_BODY, *_SUBMIT),
)
async def discard(
    request: Request,
    order: str,
    ctx: Context,
    options: Annotated[RequestOptions, Depends(request_options)],
    body: ReasonIn | None = None,
) -> Response:
    """Discard the draft and undo its changes. An order without a draft stays as it is: 200."""
    reason = body.reason if body else None
    change_request = ChangeRequest(kind=ChangeKind.DISCARD, reason=reason, if_match=options.if_match)
    return await _submit(request, ctx, order, change_request, options, body)


@router.patch(
    "/v1/orders/{order}",
    name="extend",
    response_model=ChangeOut,
    responses=_RUNNING
    | responses(
        *_BODY, *_SUBMIT, "NO_DRAFT", "DEADLINE_TOO_LATE", "HOLD_LOST", "HOLD_TOO_SHORT", "HOLD_COSTS_MONEY", _TOO_OFTEN
    ),
)
async def extend(
    request: Request,
    order: str,
    body: DeadlineIn,
    ctx: Context,
    options: Annotated[RequestOptions, Depends(request_options)],
) -> Response:
    """Set when the draft expires: in the future, at most six months ahead. Seats are extended first."""
    now = ctx.store.now()
    is_allowed = now < body.expires_at <= deadline_horizon(now)
    # A retry under its key returns the first response, even if its deadline has passed since.
    if not is_allowed and not await run_in_threadpool(find_previous, request, ctx, options):
        errors = [{"pointer": "/expires_at", "code": "deadline", "detail": "must be within the next six months"}]
        raise ProblemError("MEMBER_INVALID", errors)
    until = {"expires_at": body.expires_at, "reason": body.reason}
    change_request = ChangeRequest(kind=ChangeKind.EXTEND, **until, if_match=options.if_match)
    return await _submit(request, ctx, order, change_request, options, body)


@router.get("/v1/changes/{change}", name="get_change", responses=responses("CHANGE_NOT_FOUND"))
async def get_change(change: str, ctx: Context) -> ChangeDetails:
    """Return a change with its state, steps, quote, and its outcome or problem."""
    row, steps = await run_in_threadpool(_read, ctx, change)
    progress = None
    if row.order_number and row.outcome is None:
        progress = await ctx.workflow_client.progress(row.order_number)
    # A request that waits behind a stuck step of another change needs attention too.
    stuck = progress is not None and progress.stuck is not None
    return details_out(row, steps, stuck=stuck)


def require_change_id(change: str) -> str:
    """Return a text that can be a change id. Raise CHANGE_NOT_FOUND for any other text, as for a foreign change."""
    if not _ID.fullmatch(change):
        raise ProblemError("CHANGE_NOT_FOUND")
    return change


def _read(ctx: ApiContext, change: str) -> tuple[ChangeRow, list[StepRecordRow]]:
    with ctx.store.read() as tx:
        row = changes.find(tx, require_change_id(change))
        if row is None:
            raise ProblemError("CHANGE_NOT_FOUND")
        return row, step_records.of_change(tx, change)


async def _limit(ctx: ApiContext, order: str, text: str | None) -> Money | None:
    """Return a limit in the order's currency. Raise ORDER_NOT_FOUND and MEMBER_INVALID."""
    return None if text is None else await run_in_threadpool(_parse_limit, ctx, order, text)


def _parse_limit(ctx: ApiContext, order: str, text: str) -> Money:
    with ctx.store.read() as tx:
        order_row = find(tx, require_order_number(order))
    if order_row is None:
        raise ProblemError("ORDER_NOT_FOUND")
    try:
        return parse_money(text, order_row.currency)
    except ValueError as error:
        errors = [{"pointer": "/at_most", "code": "amount", "detail": str(error)}]
        raise ProblemError("MEMBER_INVALID", errors) from None


def _check_travellers(body: QuoteIn, ctx: ApiContext) -> None:
    travellers = ChangeRequest(kind=ChangeKind.CHANGE, operations=body.operations).travellers
    check_birth_dates((each.birth_date for each in travellers), ctx.store.now().date())


async def _submit(
    request: Request,
    ctx: ApiContext,
    order: str,
    change_request: ChangeRequest,
    options: RequestOptions,
    body: BaseModel | None,
) -> Response:
    document = body.model_dump(mode="json", by_alias=True, exclude_unset=True) if body else None
    row, replayed = await submit(request, ctx, order, change_request, options, document)
    status, headers = to_http(row, options, replayed=replayed)
    return JSONResponse(change_out(row).model_dump(mode="json"), status, headers)
