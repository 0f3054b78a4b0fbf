"""The desk's addresses."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.desk import draft_actions, order_list, seats, stuck_step_actions, work_queue
from api.desk.orders import order_shown
from api.desk.rendering import HEADERS, HERE, PREFIX, page, redirect
from api.desk.security import ReasonError, check_host, check_operator, form
from api.errors.problems import ProblemError
from api.services.operator_actions import OperatorAction
from api.services.read_order import known_number
from domain.changes import ChangeKind

router = APIRouter(prefix=PREFIX, include_in_schema=False, dependencies=[Depends(check_operator), Depends(check_host)])

Parts = Annotated[ApiContext, Depends(api_context)]
Sent = Annotated[Mapping[str, str], Depends(form)]
_ACTS = (ChangeKind.CONFIRM, ChangeKind.DISCARD, ChangeKind.EXTEND)
_HOW = {"retry-now": OperatorAction.RETRY_NOW, "done-by-hand": OperatorAction.DONE_BY_HAND}


@router.get("")
async def get_home(request: Request, ctx: Parts, asked: Annotated[order_list.ListQuery, Query()]) -> Response:
    """Show the latest orders, or those a text names."""
    found = await run_in_threadpool(order_list.find_orders, ctx, asked)
    if found.only:
        return redirect(f"{PREFIX}/orders/{found.only}")
    stuck = await work_queue.stuck_names(ctx)
    return page(request, ctx, "home.html", asked=asked, found=found, stuck=stuck)


@router.get("/attention")
async def get_attention(request: Request, ctx: Parts) -> Response:
    """Show what waits for an operator."""
    return page(request, ctx, "attention.html", queue=await work_queue.queue(ctx))


@router.get("/orders/{order}")
async def get_order(
    request: Request,
    order: str,
    ctx: Parts,
    before: Annotated[str | None, Query(max_length=64)] = None,
    asked: Annotated[str | None, Query(max_length=64)] = None,
    helped: OperatorAction | None = None,
) -> Response:
    """Show one order."""
    shown = await order_shown(ctx, known_number(order), before, asked)
    return page(request, ctx, "order.html", shown=shown, before=before, helped=helped)


@router.get("/orders/{order}/{act}")
async def get_action(request: Request, order: str, act: str, ctx: Parts) -> Response:
    """Say what an act would do, and ask for a yes."""
    return await _preview(request, known_number(order), act, ctx)


async def _preview(request: Request, number: str, act: str, ctx: ApiContext, wrong: str | None = None) -> Response:
    if act in _HOW:
        preview = await stuck_step_actions.preview(ctx, number, _HOW[act])
    elif act in _ACTS:
        preview = await run_in_threadpool(draft_actions.preview, ctx, number, act)
    else:
        raise ProblemError("NOT_FOUND")
    return page(request, ctx, "action.html", 422 if wrong else 200, preview=preview, wrong=wrong)


@router.post("/orders/{order}/confirm")
async def confirm(request: Request, order: str, ctx: Parts, fields: Sent) -> Response:
    """Confirm the draft, when nothing is owed."""
    return await _do(request, order, ChangeKind.CONFIRM, ctx, fields)


@router.post("/orders/{order}/discard")
async def discard(request: Request, order: str, ctx: Parts, fields: Sent) -> Response:
    """Discard the draft."""
    return await _do(request, order, ChangeKind.DISCARD, ctx, fields)


@router.post("/orders/{order}/extend")
async def extend(request: Request, order: str, ctx: Parts, fields: Sent) -> Response:
    """Move the draft's deadline."""
    return await _do(request, order, ChangeKind.EXTEND, ctx, fields)


async def _do(request: Request, order: str, act: ChangeKind, ctx: ApiContext, fields: Mapping[str, str]) -> Response:
    number = known_number(order)
    try:
        change = await draft_actions.perform(request, ctx, number, act, fields)
    except ReasonError as error:
        return await _preview(request, number, act, ctx, str(error))
    return redirect(f"{PREFIX}/orders/{number}?{urlencode({'asked': change})}")


@router.post("/orders/{order}/retry-now")
async def retry_now(request: Request, order: str, ctx: Parts, fields: Sent) -> Response:
    """Have the stuck step tried again at once."""
    return await _help(request, order, OperatorAction.RETRY_NOW, ctx, fields)


@router.post("/orders/{order}/done-by-hand")
async def done_by_hand(request: Request, order: str, ctx: Parts, fields: Sent) -> Response:
    """Take the stuck step for done by hand."""
    return await _help(request, order, OperatorAction.DONE_BY_HAND, ctx, fields)


async def _help(
    request: Request, order: str, how: OperatorAction, ctx: ApiContext, fields: Mapping[str, str]
) -> Response:
    number = known_number(order)
    try:
        await stuck_step_actions.perform(ctx, number, how, fields)
    except ReasonError as error:
        return await _preview(request, number, how.replace("_", "-"), ctx, str(error))
    return redirect(f"{PREFIX}/orders/{number}?{urlencode({'helped': how})}")


@router.get("/services")
async def get_services(request: Request, ctx: Parts, day: date | None = None) -> Response:
    """Show a day's departures."""
    return page(request, ctx, "services.html", shown=await run_in_threadpool(seats.departures_of, ctx, day))


@router.get("/services/{service}")
async def get_seat_map(request: Request, service: str, ctx: Parts) -> Response:
    """Show who has which seat of a departure."""
    return page(request, ctx, "seat_map.html", shown=await run_in_threadpool(seats.map_of, ctx, service))


@router.get("/static/desk.css")
async def get_style() -> Response:
    """Return the one style sheet."""
    return FileResponse(HERE / "static" / "desk.css", media_type="text/css", headers=HEADERS)


@router.get("/static/icon.svg")
async def get_icon() -> Response:
    """Return the icon of the browser's tab."""
    return FileResponse(HERE / "static" / "icon.svg", media_type="image/svg+xml", headers=HEADERS)
