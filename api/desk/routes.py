"""Routes of the desk."""

from collections.abc import Awaitable, Mapping
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.desk import (
    disputes,
    draft_actions,
    order_list,
    payouts,
    reseats,
    reversals,
    seats,
    stuck_step_actions,
    work_queue,
)
from api.desk.orders import order_shown
from api.desk.rendering import HEADERS, HERE, PREFIX, page, redirect
from api.desk.security import ReasonError, check_host, check_operator, form
from api.desk.submission import submit_form
from api.errors.problems import ProblemError
from api.services.operator_actions import OperatorAction
from api.services.read_order import require_order_number
from domain.changes import ChangeKind

router = APIRouter(prefix=PREFIX, include_in_schema=False, dependencies=[Depends(check_operator), Depends(check_host)])

Context = Annotated[ApiContext, Depends(api_context)]
Fields = Annotated[Mapping[str, str], Depends(form)]
_DRAFT_ACTIONS = (ChangeKind.CONFIRM, ChangeKind.DISCARD, ChangeKind.EXTEND)
_STUCK_STEP_ACTIONS = {"retry-now": OperatorAction.RETRY_NOW, "done-by-hand": OperatorAction.DONE_BY_HAND}


@router.get("", name="get_home")
async def get_home(request: Request, ctx: Context, query: Annotated[order_list.ListQuery, Query()]) -> Response:
    """Show the latest orders, or those that match the search text."""
    orders = await run_in_threadpool(order_list.find_orders, ctx, query)
    if orders.only:
        return redirect(f"{PREFIX}/orders/{orders.only}")
    stuck = await work_queue.stuck_names(ctx)
    return page(request, ctx, "home.html", query=query, found=orders, stuck=stuck)


@router.get("/attention", name="get_attention")
async def get_attention(request: Request, ctx: Context) -> Response:
    """Show what needs an operator's attention."""
    return page(request, ctx, "attention.html", queue=await work_queue.queue(ctx))


@router.get("/orders/{order}", name="get_order")
async def get_order(
    request: Request,
    order: str,
    ctx: Context,
    before: Annotated[str | None, Query(max_length=64)] = None,
    change: Annotated[str | None, Query(max_length=64)] = None,
    performed: OperatorAction | None = None,
) -> Response:
    """Show one order. The forms redirect here with `change` or `performed`, which the page then reports on."""
    shown = await order_shown(ctx, require_order_number(order), before, change)
    return page(request, ctx, "order.html", shown=shown, before=before, performed=performed)


@router.get("/orders/{order}/{action}", name="get_action")
async def get_action(request: Request, order: str, action: str, ctx: Context) -> Response:
    """Show the effects of an action, with the form that performs it."""
    return await _preview(request, require_order_number(order), action, ctx)


async def _preview(request: Request, number: str, action: str, ctx: ApiContext, wrong: str | None = None) -> Response:
    if action in _STUCK_STEP_ACTIONS:
        preview = await stuck_step_actions.preview(ctx, number, _STUCK_STEP_ACTIONS[action])
    elif action in _DRAFT_ACTIONS:
        preview = await run_in_threadpool(draft_actions.preview, ctx, number, action)
    elif action == ChangeKind.PAYOUT:
        preview = await run_in_threadpool(payouts.preview, ctx, number)
    elif action == ChangeKind.REVERSE:
        preview = await run_in_threadpool(reversals.preview, ctx, number)
    elif action == ChangeKind.RESEAT:
        preview = await run_in_threadpool(reseats.preview, ctx, number)
    elif action == disputes.ACTION:
        preview = await run_in_threadpool(disputes.preview, ctx, number)
    else:
        raise ProblemError("NOT_FOUND")
    return page(request, ctx, "action.html", 422 if wrong else 200, preview=preview, wrong=wrong)


@router.post("/orders/{order}/confirm", name="confirm")
async def confirm(request: Request, order: str, ctx: Context, fields: Fields) -> Response:
    """Confirm the draft; its balance must not be positive."""
    return await _perform_draft_action(request, order, ChangeKind.CONFIRM, ctx, fields)


@router.post("/orders/{order}/discard", name="discard")
async def discard(request: Request, order: str, ctx: Context, fields: Fields) -> Response:
    """Discard the draft."""
    return await _perform_draft_action(request, order, ChangeKind.DISCARD, ctx, fields)


@router.post("/orders/{order}/extend", name="extend")
async def extend(request: Request, order: str, ctx: Context, fields: Fields) -> Response:
    """Move the draft's deadline."""
    return await _perform_draft_action(request, order, ChangeKind.EXTEND, ctx, fields)


async def _perform_draft_action(
    request: Request, order: str, action: ChangeKind, ctx: ApiContext, fields: Mapping[str, str]
) -> Response:
    number = require_order_number(order)
    submitting = draft_actions.perform(request, ctx, number, action, fields)
    return await _submitted(request, number, action, ctx, submitting)


@router.post("/orders/{order}/payout", name="payout")
async def payout(request: Request, order: str, ctx: Context, fields: Fields) -> Response:
    """Record that a refund which no card took was paid by hand."""
    number = require_order_number(order)
    return await _submitted(request, number, ChangeKind.PAYOUT, ctx, payouts.perform(request, ctx, number, fields))


@router.post("/orders/{order}/reverse", name="reverse")
async def reverse(request: Request, order: str, ctx: Context, fields: Fields) -> Response:
    """Reverse the change that is stuck after its point of no return."""
    number, kind = require_order_number(order), ChangeKind.REVERSE
    return await _submitted(request, number, kind, ctx, submit_form(request, ctx, number, kind, fields))


@router.post("/orders/{order}/reseat", name="reseat")
async def reseat(request: Request, order: str, ctx: Context, fields: Fields) -> Response:
    """Hold other seats for the change that is stuck because its seats are gone."""
    number, kind = require_order_number(order), ChangeKind.RESEAT
    return await _submitted(request, number, kind, ctx, submit_form(request, ctx, number, kind, fields))


@router.post("/orders/{order}/close-dispute", name="close_dispute")
async def close_dispute(request: Request, order: str, ctx: Context, fields: Fields) -> Response:
    """Close the case of a dispute."""
    number = require_order_number(order)
    try:
        await run_in_threadpool(disputes.perform, ctx, number, fields)
    except ReasonError as error:
        return await _preview(request, number, disputes.ACTION, ctx, str(error))
    return redirect(f"{PREFIX}/orders/{number}")


async def _submitted(
    request: Request, number: str, action: ChangeKind, ctx: ApiContext, submitting: Awaitable[str]
) -> Response:
    """Show the order once the form is submitted, or the form again if its reason is refused."""
    try:
        change = await submitting
    except ReasonError as error:
        return await _preview(request, number, action, ctx, str(error))
    return redirect(f"{PREFIX}/orders/{number}?{urlencode({'change': change})}")


@router.post("/orders/{order}/retry-now", name="retry_now")
async def retry_now(request: Request, order: str, ctx: Context, fields: Fields) -> Response:
    """Retry the stuck step at once."""
    return await _perform_stuck_step_action(request, order, OperatorAction.RETRY_NOW, ctx, fields)


@router.post("/orders/{order}/done-by-hand", name="done_by_hand")
async def done_by_hand(request: Request, order: str, ctx: Context, fields: Fields) -> Response:
    """Mark the stuck step as done by hand."""
    return await _perform_stuck_step_action(request, order, OperatorAction.DONE_BY_HAND, ctx, fields)


async def _perform_stuck_step_action(
    request: Request, order: str, action: OperatorAction, ctx: ApiContext, fields: Mapping[str, str]
) -> Response:
    number = require_order_number(order)
    try:
        await stuck_step_actions.perform(ctx, number, action, fields)
    except ReasonError as error:
        return await _preview(request, number, action.replace("_", "-"), ctx, str(error))
    return redirect(f"{PREFIX}/orders/{number}?{urlencode({'performed': action})}")


@router.get("/services", name="get_services")
async def get_services(request: Request, ctx: Context, day: date | None = None) -> Response:
    """Show a day's departures."""
    return page(request, ctx, "services.html", shown=await run_in_threadpool(seats.departures_of, ctx, day))


@router.get("/services/{service}", name="get_seat_map")
async def get_seat_map(request: Request, service: str, ctx: Context) -> Response:
    """Show the seat map of a departure, with the order of each taken seat."""
    return page(request, ctx, "seat_map.html", shown=await run_in_threadpool(seats.map_of, ctx, service))


@router.get("/static/desk.css", name="get_style")
async def get_style() -> Response:
    """Return the style sheet."""
    return FileResponse(HERE / "static" / "desk.css", media_type="text/css", headers=HEADERS)


@router.get("/static/icon.svg", name="get_icon")
async def get_icon() -> Response:
    """Return the icon of the browser's tab."""
    return FileResponse(HERE / "static" / "icon.svg", media_type="image/svg+xml", headers=HEADERS)
