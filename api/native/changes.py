"""Everything asked of an order: quotes, changes, confirmation, payment, discard and deadline."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from activities.quotes import price
from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.birth_dates import check_birth_dates
from api.http.request_headers import RequestOptions, request_options, require_idempotency_key
from api.http.routes import AuthenticatedRoute
from api.native.changes_schema import (
    ByHandIn,
    ChangeDetails,
    ChangeIn,
    ChangeOut,
    ConfirmIn,
    DeadlineIn,
    PaymentIn,
    QuoteIn,
    QuoteOut,
    change_out,
    details_out,
    quote_out,
)
from api.services.change_response import to_http
from api.services.read_order import known_number
from api.services.submit_request import find_previous, submit
from domain.changes import MAX_DEADLINE, ChangeKind, ChangeRequest, PaymentMeans
from domain.money import parse_money
from domain.quotes import Quote
from store.changes import changes, step_records
from store.orders.orders import find
from store.tables import ChangeRow, StepRecordRow

router = APIRouter(tags=["changes"], route_class=AuthenticatedRoute)

Parts = Annotated[ApiContext, Depends(api_context)]
Keyed = Annotated[RequestOptions, Depends(require_idempotency_key)]
_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_LOOK = ("ORDER_NOT_FOUND",)
_BODY = ("MALFORMED_BODY", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MEMBER_INVALID")
_ASK = (
    *_LOOK,
    "ORDER_ERASED",
    "STALE_ORDER",
    "ORDER_NEEDS_ATTENTION",
    "ORDER_BUSY",
    "STEP_FAILED",
    "ENGINE_UNREACHABLE",
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
    "SUPPLEMENT_NOT_OFFERED",
    "SEATING_CHANGE_NOT_SUPPORTED",
    "TRAVELLER_NOT_IN_OFFER",
    "TRAVELLER_COUNT_OUT_OF_RANGE",
    "TRAVELLER_NOT_ON_ORDER",
    "TRAVELLER_DIFFERS",
    "TRAVELLERS_INCOMPLETE",
    "SEAT_UNKNOWN",
)
_OFTEN = "ORDER_CHANGED_TOO_OFTEN"
_RUN = ("SOLD_OUT", "SEAT_TAKEN", "ORDER_HOLDS_TOO_MANY", "CLIENT_HOLDS_TOO_MANY", "ALREADY_CONFIRMED", _OFTEN)
_MONEY = ("PAYMENT_REFUSED", "REFUND_REFUSED", "BALANCE_NOT_ZERO", "HOLD_LOST", "TRAVELLERS_INCOMPLETE")
_RUNNING: dict[int | str, dict[str, Any]] = {202: {"model": ChangeOut, "description": "Still running: see Location."}}


@router.post("/v1/orders/{order}/quotes", name="quote", responses=responses(*_BODY, *_LOOK, *_QUOTED))
def quote(order: str, wanted: QuoteIn, ctx: Parts) -> QuoteOut:
    """Price a change. Nothing is held, written or promised beyond the bundles' own expiry."""
    _check_travellers(wanted, ctx)
    request = ChangeRequest(
        kind=ChangeKind.CHANGE,
        operations=wanted.operations,
        refund_price_difference=wanted.refund_price_difference,
    )
    with ctx.store.read() as tx:
        head = find(tx, known_number(order))
        if head is None:
            raise ProblemError("ORDER_NOT_FOUND")
        priced: Quote = price(tx, head, ctx.offers, request, ctx.store.now())
    return quote_out(priced)


@router.post(
    "/v1/orders/{order}/changes",
    name="change",
    response_model=ChangeOut,
    responses=_RUNNING | responses(*_BODY, *_KEY, *_ASK, *_QUOTED, *_MONEY, *_RUN),
)
async def change(request: Request, order: str, wanted: ChangeIn, ctx: Parts, options: Keyed) -> Response:
    """Change an order: into its draft, or with `confirm` in one go, which ends confirmed or never happened."""
    _check_travellers(wanted, ctx)
    filled = ChangeRequest(
        kind=ChangeKind.CHANGE,
        operations=wanted.operations,
        refund_price_difference=wanted.refund_price_difference,
        confirm=wanted.confirm,
        payment=wanted.payment,
        until_confirmed=wanted.until_confirmed,
        if_match=options.if_match,
    )
    return await _run(request, ctx, order, filled, options, wanted)


@router.post(
    "/v1/orders/{order}/confirm",
    name="confirm",
    response_model=ChangeOut,
    responses=_RUNNING | responses(*_BODY, *_KEY, *_ASK, *_MONEY, "ORDER_EXPIRED", "ORDER_EMPTY", "ORDER_CANCELLED"),
)
async def confirm(request: Request, order: str, wanted: ConfirmIn, ctx: Parts, options: Keyed) -> Response:
    """Confirm the draft, paying what is owed. A confirmed order stays as it is: 200."""
    filled = ChangeRequest(
        kind=ChangeKind.CONFIRM, payment=wanted.payment, reason=wanted.reason, if_match=options.if_match
    )
    return await _run(request, ctx, order, filled, options, wanted)


@router.post(
    "/v1/orders/{order}/payments",
    name="pay",
    response_model=ChangeOut,
    responses=_RUNNING
    | responses(
        *_BODY,
        *_KEY,
        *_ASK,
        "PAYMENT_REFUSED",
        "PAYMENT_TOO_HIGH",
        "CURRENCY_MISMATCH",
        "ORDER_EXPIRED",
        "ORDER_CANCELLED",
    ),
)
async def pay(request: Request, order: str, wanted: PaymentIn, ctx: Parts, options: Keyed) -> Response:
    """Set money aside for the draft. Only its confirmation takes it; discard and expiry let it go."""
    try:
        amount = parse_money(wanted.amount, wanted.currency)
    except ValueError as error:
        errors = [{"pointer": "/amount", "code": "amount", "detail": str(error)}]
        raise ProblemError("MEMBER_INVALID", errors) from None
    if not amount.minor:
        errors = [{"pointer": "/amount", "code": "amount", "detail": "must be more than nothing"}]
        raise ProblemError("MEMBER_INVALID", errors)
    means = PaymentMeans(method=wanted.method, token=wanted.token)
    filled = ChangeRequest(kind=ChangeKind.PAY, amount=amount, payment=means, if_match=options.if_match)
    return await _run(request, ctx, order, filled, options, wanted)


@router.delete(
    "/v1/orders/{order}/draft", name="discard", response_model=ChangeOut, responses=_RUNNING | responses(*_BODY, *_ASK)
)
async def discard(
    request: Request,
    order: str,
    ctx: Parts,
    asked: Annotated[RequestOptions, Depends(request_options)],
    wanted: ByHandIn | None = None,
) -> Response:
    """Take the whole draft back. Without a draft nothing happens: 200."""
    reason = wanted.reason if wanted else None
    filled = ChangeRequest(kind=ChangeKind.DISCARD, reason=reason, if_match=asked.if_match)
    return await _run(request, ctx, order, filled, asked, wanted)


@router.patch(
    "/v1/orders/{order}",
    name="extend",
    response_model=ChangeOut,
    responses=_RUNNING | responses(*_BODY, *_ASK, "NO_DRAFT", "HOLD_LOST", _OFTEN),
)
async def extend(
    request: Request,
    order: str,
    wanted: DeadlineIn,
    ctx: Parts,
    asked: Annotated[RequestOptions, Depends(request_options)],
) -> Response:
    """Set when the draft ends: not in the past, at most six months ahead. Its seats come first."""
    now = ctx.store.now()
    in_reach = now < wanted.expires_at <= now + MAX_DEADLINE
    # Asked again under its key, it is answered as it was, though its deadline has passed since.
    if not in_reach and not await run_in_threadpool(find_previous, request, ctx, asked):
        errors = [{"pointer": "/expires_at", "code": "deadline", "detail": "must lie within the next six months"}]
        raise ProblemError("MEMBER_INVALID", errors)
    until = {"expires_at": wanted.expires_at, "reason": wanted.reason}
    filled = ChangeRequest(kind=ChangeKind.EXTEND, **until, if_match=asked.if_match)
    return await _run(request, ctx, order, filled, asked, wanted)


@router.get("/v1/changes/{change}", name="get_change", responses=responses("CHANGE_NOT_FOUND"))
async def get_change(change: str, ctx: Parts) -> ChangeDetails:
    """Return a change: state, steps so far, quote, and its outcome or refusal."""
    row, steps = await run_in_threadpool(_read, ctx, change)
    progress = None
    if row.order_number and row.outcome is None:
        progress = await ctx.workflow_client.progress(row.order_number)
    stuck = progress is not None and progress.stuck is not None and progress.request == row.id
    return details_out(row, steps, stuck=stuck)


def known_change(change: str) -> str:
    """Return what can be a change's id; anything else is as unknown as a foreign change."""
    if not _ID.fullmatch(change):
        raise ProblemError("CHANGE_NOT_FOUND")
    return change


def _read(ctx: ApiContext, change: str) -> tuple[ChangeRow, list[StepRecordRow]]:
    with ctx.store.read() as tx:
        row = changes.find(tx, known_change(change))
        if row is None:
            raise ProblemError("CHANGE_NOT_FOUND")
        return row, step_records.of_change(tx, change)


def _check_travellers(wanted: QuoteIn, ctx: ApiContext) -> None:
    travellers = ChangeRequest(kind=ChangeKind.CHANGE, operations=wanted.operations).travellers
    check_birth_dates((each.birth_date for each in travellers), ctx.store.now().date())


async def _run(
    request: Request,
    ctx: ApiContext,
    order: str,
    filled: ChangeRequest,
    options: RequestOptions,
    sent: BaseModel | None,
) -> Response:
    body = sent.model_dump(mode="json", by_alias=True, exclude_unset=True) if sent else None
    row, replayed = await submit(request, ctx, order, filled, options, body)
    status, headers = to_http(row, options, replayed=replayed)
    return JSONResponse(change_out(row).model_dump(mode="json"), status, headers)
