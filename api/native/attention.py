"""What waits for an operator: steps that keep failing, and books that do not agree."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.request_headers import idempotency_key
from api.http.routes import AuthenticatedRoute
from api.services.needs_attention import discrepancies, progress_of, stuck_orders
from api.services.operator_actions import OperatorAction, perform
from api.services.read_order import known_number
from domain.dual_control import CONFIRMATION_WINDOW, Reason
from domain.model import Model
from store.changes import operator_statements
from store.database.tenant_session import TenantSession
from store.orders.orders import find
from temporal.messages import Progress, StuckStep

router = APIRouter(tags=["attention"], route_class=AuthenticatedRoute)

Parts = Annotated[ApiContext, Depends(api_context)]
_HELP: dict[int | str, dict[str, Any]] = responses(
    *("MALFORMED_BODY", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MEMBER_INVALID"),
    *("ORDER_NOT_FOUND", "NOTHING_STUCK", "ENGINE_UNREACHABLE"),
)
_BY_HAND = _HELP | responses("NOTHING_STUCK", "SECOND_PERSON_NEEDED")


class StatementOut(BaseModel):
    """Who said that a stuck step was done by hand, and waits for a second person to say the same."""

    actor: str
    reason: str
    at: datetime


class StuckOut(BaseModel):
    """A step that keeps failing. It is tried again at least every minute, for ever."""

    order: str
    request: str | None = Field(description="The change it belongs to; words when nobody asked: a deadline, a cancel.")
    kind: str | None
    step: str
    description: str
    code: str = Field(description="Why it failed last, as far as is known.")
    since: datetime
    seconds: int = Field(description="For how long.")
    unsettled: list[str] = Field(
        description="What the order has that is not settled.", examples=[["12.40 NOK captured"]]
    )
    statements: list[StatementOut] = Field(
        description="Who said within the hour that it was done by hand, latest first."
    )


class DiscrepancyOut(BaseModel):
    """Something of the books that must be true and is not."""

    invariant: str
    order: str | None
    what: str = Field(description="Where, in our own ids.")


class AttentionOut(BaseModel):
    """Everything that waits for an operator, at most 200 of each."""

    stuck: list[StuckOut]
    discrepancies: list[DiscrepancyOut]


class HelpIn(Model):
    """Why. Recorded on the order and in Temporal: no names, please."""

    reason: Annotated[Reason, Field(examples=["the bank is back"])]


@router.get("/v1/attention", name="get_attention", responses=responses("ENGINE_UNREACHABLE"))
async def get_attention(ctx: Parts) -> AttentionOut:
    """Return what waits for an operator. It reads all books: an operator's page, not a channel's."""
    wrong = await run_in_threadpool(discrepancies, ctx)
    progress = [each for each in await progress_of(ctx.workflow_client, await stuck_orders(ctx)) if each]
    return AttentionOut(
        stuck=await run_in_threadpool(_shown, ctx, progress),
        discrepancies=[DiscrepancyOut(invariant=each.invariant, order=each.order, what=each.what) for each in wrong],
    )


@router.get(
    "/v1/orders/{order}/attention", name="get_order_attention", responses=responses("ORDER_NOT_FOUND", "NOTHING_STUCK")
)
async def get_order_attention(order: str, ctx: Parts) -> StuckOut:
    """Return the stuck step of an order."""
    await run_in_threadpool(_check, ctx, order)
    stuck = await _stuck(ctx, order)
    if stuck is None:
        raise ProblemError("NOTHING_STUCK")
    return stuck


@router.post("/v1/orders/{order}/attention/retry-now", name="retry_now", status_code=204, responses=_HELP)
async def retry_now(request: Request, order: str, wanted: HelpIn, ctx: Parts) -> None:
    """Have the stuck step tried again at once; it is recorded on the order."""
    await _help(request, order, wanted, ctx, OperatorAction.RETRY_NOW)


@router.post("/v1/orders/{order}/attention/done-by-hand", name="done_by_hand", status_code=204, responses=_BY_HAND)
async def done_by_hand(request: Request, order: str, wanted: HelpIn, ctx: Parts) -> None:
    """Say that the stuck step was done at its provider; only our own books are mended, and it is recorded.

    Where it moved more money than one person may say alone it is recorded too, answered SECOND_PERSON_NEEDED, and done
    once another client has asked the same within the hour.
    """
    await _help(request, order, wanted, ctx, OperatorAction.DONE_BY_HAND)


async def _help(request: Request, order: str, wanted: HelpIn, ctx: ApiContext, how: OperatorAction) -> None:
    await run_in_threadpool(_check, ctx, order)
    await perform(ctx, order, how, wanted.reason, idempotency_key(request))


async def _stuck(ctx: ApiContext, order: str) -> StuckOut | None:
    progress = await ctx.workflow_client.progress(order)
    shown = await run_in_threadpool(_shown, ctx, [progress] if progress else [])
    return shown[0] if shown else None


def _shown(ctx: ApiContext, found: list[Progress]) -> list[StuckOut]:
    with ctx.store.read() as tx:
        return [_stuck_out(tx, each, each.stuck, ctx.store.now()) for each in found if each.stuck]


def _stuck_out(tx: TenantSession, progress: Progress, stuck: StuckStep, now: datetime) -> StuckOut:
    said = operator_statements.statements_of_done(
        tx, progress.order, stuck.step, stuck.since, now - CONFIRMATION_WINDOW
    )
    return StuckOut(
        order=progress.order,
        request=progress.request,
        kind=progress.kind,
        seconds=max(0, int((now - stuck.since).total_seconds())),
        statements=[
            StatementOut(actor=each.statement.actor, reason=each.statement.reason, at=each.at) for each in said
        ],
        description=stuck.description,
        unsettled=stuck.unsettled,
        **stuck.model_dump(include={"step", "code", "since"}),
    )


def _check(ctx: ApiContext, order: str) -> None:
    with ctx.store.read() as tx:
        if find(tx, known_number(order)) is None:
            raise ProblemError("ORDER_NOT_FOUND")
