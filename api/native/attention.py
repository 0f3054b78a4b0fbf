"""Routes for operators: stuck steps, refunds owed, disputes, violated invariants, and actions on a stuck step."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.request_headers import idempotency_key
from api.http.routes import AuthenticatedRoute
from api.native.disputes import DisputeOut, dispute_out
from api.native.payouts_schema import RefundOwedOut, StatementOut, refund_owed_out
from api.services.needs_attention import MAX_ORDERS, discrepancies, progress_of, stuck_orders
from api.services.operator_actions import OperatorAction, perform
from api.services.read_order import require_order_number
from domain.dual_control import CONFIRMATION_WINDOW, Reason
from domain.model import Model
from store.changes import operator_statements, payouts
from store.database.tenant_session import TenantSession
from store.orders.orders import find
from store.views import work_queue
from temporal.messages import Progress, StuckStep

router = APIRouter(tags=["attention"], route_class=AuthenticatedRoute)

Context = Annotated[ApiContext, Depends(api_context)]
_ACTION: dict[int | str, dict[str, Any]] = responses(
    *("MALFORMED_BODY", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MEMBER_INVALID"),
    *("ORDER_NOT_FOUND", "NOTHING_STUCK", "ENGINE_UNREACHABLE"),
)
_DONE_BY_HAND = _ACTION | responses("NOTHING_STUCK", "NOT_BY_HAND", "SECOND_PERSON_NEEDED")


class StuckOut(BaseModel):
    """A step that keeps failing. The workflow retries it at least once a minute and never gives up."""

    order: str
    request: str | None = Field(
        description="The id of the step's change; a description if no request started it: an expiry or a cancellation."
    )
    kind: str | None
    step: str
    description: str
    code: str = Field(description="The code of the last failure, if known.")
    since: datetime = Field(description="When the first attempt began; every attempt since then has failed.")
    attempts: int = Field(description="How many attempts there were, as far as they are known.")
    next_at: datetime | None = Field(description="When the next attempt is due; null while one runs, and if unknown.")
    seconds: int = Field(description="How long the step has been failing, in seconds.")
    by_hand: bool = Field(
        description="Whether the step is at an external provider, so that an operator may do it there by hand."
    )
    unsettled: list[str] = Field(
        description="Money and seats of the order that are not settled.", examples=[["12.40 NOK captured"]]
    )
    statements: list[StatementOut] = Field(
        description="Statements of the last hour that the step was done by hand, latest first."
    )


class DiscrepancyOut(BaseModel):
    """A violated invariant."""

    invariant: str
    order: str | None
    what: str = Field(description="The violation, with ids and amounts of the database.")


class OrderAttentionOut(BaseModel):
    """What needs an operator on one order: a stuck step, a refund owed to the customer, or disputes.

    The members of a stuck step are null if no step is stuck.
    """

    order: str
    request: str | None = None
    kind: str | None = None
    step: str | None = None
    description: str | None = None
    code: str | None = None
    since: datetime | None = None
    attempts: int | None = None
    next_at: datetime | None = None
    seconds: int | None = None
    by_hand: bool | None = None
    unsettled: list[str] = []
    statements: list[StatementOut] = []
    refund_owed: RefundOwedOut | None = None
    disputes: list[DisputeOut] = []


class AttentionOut(BaseModel):
    """Everything that needs an operator: at most 200 of each kind."""

    stuck: list[StuckOut]
    refunds_owed: list[RefundOwedOut]
    disputes: list[DisputeOut]
    discrepancies: list[DiscrepancyOut]


class HelpIn(Model):
    """The reason for an action. It is recorded on the order and in Temporal, so it must not contain names."""

    reason: Annotated[Reason, Field(examples=["the bank is back"])]


@router.get("/v1/attention", name="get_attention", responses=responses("ENGINE_UNREACHABLE"))
async def get_attention(ctx: Context) -> AttentionOut:
    """Return stuck steps, refunds owed, open disputes and violated invariants.

    It checks every invariant, which takes time.
    """
    found = await run_in_threadpool(discrepancies, ctx)
    progress = [each for each in await progress_of(ctx.workflow_client, await stuck_orders(ctx)) if each]
    return AttentionOut(
        stuck=await run_in_threadpool(_stuck_steps, ctx, progress),
        refunds_owed=await run_in_threadpool(_refunds_owed, ctx),
        disputes=await run_in_threadpool(_disputes, ctx),
        discrepancies=[DiscrepancyOut(invariant=each.invariant, order=each.order, what=each.what) for each in found],
    )


@router.get(
    "/v1/orders/{order}/attention", name="get_order_attention", responses=responses("ORDER_NOT_FOUND", "NOTHING_STUCK")
)
async def get_order_attention(order: str, ctx: Context) -> OrderAttentionOut:
    """Return the stuck step of an order, what it owes its customer, and its disputes; 409 NOTHING_STUCK for none."""
    await run_in_threadpool(_check_order, ctx, order)
    stuck = await _find_stuck(ctx, order)
    owing = await run_in_threadpool(_refunds_owed, ctx, order)
    disputed = await run_in_threadpool(_disputes, ctx, order)
    if stuck is None and not owing and not disputed:
        raise ProblemError("NOTHING_STUCK")
    step = stuck.model_dump() if stuck else {"order": order}
    return OrderAttentionOut(**step, refund_owed=owing[0] if owing else None, disputes=disputed)


@router.post("/v1/orders/{order}/attention/retry-now", name="retry_now", status_code=204, responses=_ACTION)
async def retry_now(request: Request, order: str, body: HelpIn, ctx: Context) -> None:
    """Retry the stuck step at once. The action is recorded on the order."""
    await _perform(request, order, body, ctx, OperatorAction.RETRY_NOW)


@router.post("/v1/orders/{order}/attention/done-by-hand", name="done_by_hand", status_code=204, responses=_DONE_BY_HAND)
async def done_by_hand(request: Request, order: str, body: HelpIn, ctx: Context) -> None:
    """Mark the stuck step as done by hand: record the operator's statement and update the ledger.

    The provider is not called. A step in our own database cannot be done by hand: NOT_BY_HAND. If the step moved
    more money than one person may confirm alone, the statement is recorded and the response is SECOND_PERSON_NEEDED.
    The step is marked once a second client sends the same request within one hour.
    """
    await _perform(request, order, body, ctx, OperatorAction.DONE_BY_HAND)


async def _perform(request: Request, order: str, body: HelpIn, ctx: ApiContext, action: OperatorAction) -> None:
    await run_in_threadpool(_check_order, ctx, order)
    await perform(ctx, order, action, body.reason, idempotency_key(request))


async def _find_stuck(ctx: ApiContext, order: str) -> StuckOut | None:
    progress = await ctx.workflow_client.progress(order)
    shown = await run_in_threadpool(_stuck_steps, ctx, [progress] if progress else [])
    return shown[0] if shown else None


def _stuck_steps(ctx: ApiContext, progress: list[Progress]) -> list[StuckOut]:
    with ctx.store.read() as tx:
        return [_stuck_out(tx, each, each.stuck, ctx.store.now()) for each in progress if each.stuck]


def _stuck_out(tx: TenantSession, progress: Progress, stuck: StuckStep, now: datetime) -> StuckOut:
    statements = operator_statements.statements_of_done(
        tx, progress.order, stuck.step, stuck.since, now - CONFIRMATION_WINDOW
    )
    return StuckOut(
        order=progress.order,
        request=progress.request,
        kind=progress.kind,
        seconds=max(0, int((now - stuck.since).total_seconds())),
        statements=[
            StatementOut(actor=each.statement.actor, reason=each.statement.reason, at=each.at) for each in statements
        ],
        description=stuck.description,
        unsettled=stuck.unsettled,
        **stuck.model_dump(include={"step", "code", "since", "attempts", "next_at", "by_hand"}),
    )


def _refunds_owed(ctx: ApiContext, order: str | None = None) -> list[RefundOwedOut]:
    after = ctx.store.now() - CONFIRMATION_WINDOW
    with ctx.store.read() as tx:
        found = work_queue.refunds_owed(tx, MAX_ORDERS, order)
        return [refund_owed_out(each, payouts.statements(tx, each.order, each.amount, after)) for each in found]


def _disputes(ctx: ApiContext, order: str | None = None) -> list[DisputeOut]:
    with ctx.store.read() as tx:
        return [dispute_out(each) for each in work_queue.open_disputes(tx, MAX_ORDERS, order)]


def _check_order(ctx: ApiContext, order: str) -> None:
    with ctx.store.read() as tx:
        if find(tx, require_order_number(order)) is None:
            raise ProblemError("ORDER_NOT_FOUND")
