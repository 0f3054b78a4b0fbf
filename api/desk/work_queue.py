"""What waits for an operator, put together from Temporal and the books."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool

from activities.attention import unsettled_items
from api.context import ApiContext
from api.desk import labels
from api.services import needs_attention
from api.services.needs_attention import progress_of, stuck_orders
from api.workflow_client import TemporalUnavailableError
from domain.dual_control import AGREED_WITHIN
from domain.money import Money, total
from domain.risk import Risk, at_risk
from store.changes import operator_statements
from store.changes.operator_statements import RecordedStatement
from store.database.connections import StoreBusyError
from store.database.tenant_session import TenantSession
from store.invariants import Violation
from store.orders.events import data_of
from store.orders.orders import find, load
from store.tables import ChangeRow, EventRow, OrderRow
from store.views import work_queue
from temporal.messages import Progress, StuckStep

SHOWN = 50
TAKEN_UP_WITHIN = timedelta(minutes=2)
"""Two rounds of the schedule: by then every request should have been taken up."""
SOON = timedelta(minutes=5)


@dataclass(frozen=True)
class StuckStepView:
    """A step that keeps failing, and what hangs on it."""

    order: str
    step: str
    description: str
    code: str
    since: datetime
    request: str | None
    unsettled: Sequence[str]
    risk: Risk
    proposal: str
    key: str | None
    heard: bool
    """Whether its workflow says so; else it is by the books, and may have come through since."""
    statements: Sequence[RecordedStatement]
    """Who said within the hour that it was done by hand."""


@dataclass(frozen=True)
class Queue:
    """Everything that waits."""

    stuck: Sequence[StuckStepView]
    discrepancies: Sequence[Violation] | None
    """None when the books could not be read through in time."""
    overdue: Sequence[ChangeRow]
    ending: Sequence[OrderRow]
    engine: bool
    """Whether Temporal said which steps are stuck."""
    more: bool = False
    risks: Mapping[str, Money] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing waits, as far as could be told."""
        return not (self.stuck or self.discrepancies or self.overdue or self.ending)


async def queue(ctx: ApiContext) -> Queue:
    """Return what waits. Without Temporal it is told by the books alone."""
    drift = asyncio.ensure_future(run_in_threadpool(_drift, ctx))
    names = await stuck_names(ctx)
    orders = await run_in_threadpool(_last_heard_stuck, ctx) if names is None else names
    progress = (
        await progress_of(ctx.workflow_client, orders[:SHOWN]) if names is not None else [None] * len(orders[:SHOWN])
    )
    stuck = await run_in_threadpool(_all_stuck, ctx, dict(zip(orders, progress, strict=False)))
    overdue, ending = await run_in_threadpool(_late, ctx)
    return Queue(
        stuck, await drift, overdue, ending, names is not None, more=len(orders) > SHOWN, risks=_by_currency(stuck)
    )


async def stuck_names(ctx: ApiContext) -> list[str] | None:
    """Return the orders with a stuck step, or None when Temporal cannot be asked."""
    try:
        return await stuck_orders(ctx)
    except TemporalUnavailableError:
        return None


def _last_heard_stuck(ctx: ApiContext) -> list[str]:
    with ctx.store.read() as tx:
        return work_queue.last_heard_stuck(tx, SHOWN + 1)


def _all_stuck(ctx: ApiContext, asked: Mapping[str, Progress | None]) -> list[StuckStepView]:
    now = ctx.store.now()
    with ctx.store.read() as tx:
        found = [stuck_step(tx, order, progress, now) for order, progress in asked.items()]
    return sorted((each for each in found if each), key=lambda each: each.since)


def stuck_step(tx: TenantSession, order: str, progress: Progress | None, now: datetime) -> StuckStepView | None:
    """Return an order's stuck step: as its workflow tells it, or else as the books last heard of it."""
    head = find(tx, order)
    call = work_queue.last_call(tx, order)
    told = progress.stuck if progress else _last_heard(call, head)
    if head is None or told is None:
        return None
    loaded = load(tx, head)
    change = call.change if call else None
    return StuckStepView(
        order=order,
        step=told.step,
        description=told.description,
        code=told.code,
        since=told.since,
        request=progress.request if progress else change,
        unsettled=told.unsettled or tuple(islice(unsettled_items(tx, loaded, change or ""), SHOWN)),
        risk=at_risk(loaded),
        proposal=labels.suggested_action(told.step, asked=call is not None and work_queue.was_retried(tx, order, call)),
        key=labels.key(change, told.step) if change else None,
        heard=progress is not None,
        statements=operator_statements.statements_of_done(tx, order, told.step, told.since, now - AGREED_WITHIN),
    )


def _last_heard(call: EventRow | None, head: OrderRow | None) -> StuckStep | None:
    if call is None or head is None:
        return None
    data = data_of(call)
    return StuckStep(
        step=data["step"],
        description=labels.step(data["step"]),
        since=datetime.fromisoformat(data["at"]),
        code=data["code"],
    )


def _late(ctx: ApiContext) -> tuple[list[ChangeRow], list[OrderRow]]:
    now = ctx.store.now()
    with ctx.store.read() as tx:
        overdue = work_queue.overdue_requests(tx, now - TAKEN_UP_WITHIN, SHOWN)
        return overdue, work_queue.drafts_ending(tx, now + SOON, SHOWN)


def _drift(ctx: ApiContext) -> list[Violation] | None:
    try:
        return needs_attention.discrepancies(ctx)
    except (OperationalError, StoreBusyError):
        return None


def _by_currency(stuck: Sequence[StuckStepView]) -> dict[str, Money]:
    sums = [each.risk.total for each in stuck]
    currencies = sorted({each.currency for each in sums})
    return {name: total((each for each in sums if each.currency == name), name) for name in currencies}
