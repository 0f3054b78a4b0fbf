"""Data of the attention page, from Temporal and the database: what needs an operator."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool

from activities.attention import unsettled_items
from activities.reseats import HOLD_OTHER_SEATS
from activities.reversals import FINALS
from activities.seats import CONFIRM_SEATS
from api.context import ApiContext
from api.desk import labels, payment_book
from api.services import needs_attention
from api.services.needs_attention import progress_of, stuck_orders
from api.workflow_client import TemporalUnavailableError
from domain.dual_control import CONFIRMATION_WINDOW
from domain.money import Money, total
from domain.risk import Risk, at_risk
from store.changes import operator_statements, reseats
from store.changes.operator_statements import RecordedStatement
from store.database.connections import StoreBusyError
from store.database.tenant_session import TenantSession
from store.invariants import Violation
from store.orders.events import data_of
from store.orders.orders import find, load
from store.tables import ChangeRow, DisputeRow, EventRow, OrderRow
from store.views import moves_under_way, work_queue
from store.views.work_queue import RefundOwed
from temporal.messages import Progress, StuckStep

SHOWN = 50
CLAIMED_WITHIN = timedelta(minutes=2)
"""Two rounds of the reconciliation schedule: a workflow should have claimed every request by then."""
ENDING_WITHIN = timedelta(minutes=5)


_AFTER_SETTLEMENT = (*(step.name for step in FINALS), HOLD_OTHER_SEATS.name)


@dataclass(frozen=True)
class StuckStepView:
    """A step that keeps failing, with the money at risk and the suggested action."""

    order: str
    step: str
    description: str
    code: str
    since: datetime
    attempts: int
    next_at: datetime | None
    request: str | None
    unsettled: Sequence[str]
    risk: Risk
    suggested_action: str
    by_hand: bool
    """Whether the step is at an external provider, so that it may be done there by hand."""
    key: str | None
    """The step key sent to the provider; None for a step that calls no provider."""
    from_workflow: bool
    """Whether the workflow reported it; otherwise it comes from the database and the step may be done by now."""
    statements: Sequence[RecordedStatement]
    """Operators' statements within `CONFIRMATION_WINDOW` that the step was done by hand."""

    @property
    def after_settlement(self) -> bool:
        """Whether the step follows the point of no return, so that its change may be reversed."""
        return self.step in _AFTER_SETTLEMENT

    @property
    def may_be_reseated(self) -> bool:
        """Whether the step confirms seats, so that its change may get other ones."""
        return self.step == CONFIRM_SEATS.name


@dataclass(frozen=True)
class Queue:
    """Everything that needs an operator."""

    stuck: Sequence[StuckStepView]
    discrepancies: Sequence[Violation] | None
    """Violated invariants, and payments that differ from a provider's book; None if the checks did not end in time."""
    book_unread: bool
    """Whether an external payment provider's book could not be compared in time."""
    overdue: Sequence[ChangeRow]
    ending: Sequence[OrderRow]
    refunds: Sequence[RefundOwed]
    """Refunds that no card took, longest owed first."""
    disputes: Sequence[DisputeRow]
    """Open disputes, the longest open first."""
    temporal_answers: bool
    """Whether Temporal could list the orders with a stuck step."""
    more: bool = False
    risks: Mapping[str, Money] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing needs an operator, as far as the sources answered."""
        return not (self.stuck or self.discrepancies or self.overdue or self.ending or self.refunds or self.disputes)


async def queue(ctx: ApiContext) -> Queue:
    """Return everything that needs an operator; while Temporal is unavailable, from the database only."""
    violations = asyncio.ensure_future(run_in_threadpool(_find_discrepancies, ctx))
    differing = asyncio.ensure_future(payment_book.differences(ctx))
    names = await stuck_names(ctx)
    orders = await run_in_threadpool(_reported_stuck, ctx) if names is None else names
    progress = (
        await progress_of(ctx.workflow_client, orders[:SHOWN]) if names is not None else [None] * len(orders[:SHOWN])
    )
    stuck = await run_in_threadpool(_build_views, ctx, dict(zip(orders, progress, strict=False)))
    overdue, ending = await run_in_threadpool(_find_late, ctx)
    violated, differences = await violations, await differing
    return Queue(
        stuck=stuck,
        discrepancies=None if violated is None else [*violated, *(differences or ())],
        book_unread=differences is None,
        overdue=overdue,
        ending=ending,
        refunds=await run_in_threadpool(_refunds_owed, ctx),
        disputes=await run_in_threadpool(_disputes, ctx),
        temporal_answers=names is not None,
        more=len(orders) > SHOWN,
        risks=_by_currency(stuck),
    )


async def stuck_names(ctx: ApiContext) -> list[str] | None:
    """Return the orders with a stuck step; None while Temporal is unavailable."""
    try:
        return await stuck_orders(ctx)
    except TemporalUnavailableError:
        return None


def _reported_stuck(ctx: ApiContext) -> list[str]:
    with ctx.store.read() as tx:
        return work_queue.orders_reported_stuck(tx, SHOWN + 1)


def _build_views(ctx: ApiContext, progress_by_order: Mapping[str, Progress | None]) -> list[StuckStepView]:
    now = ctx.store.now()
    with ctx.store.read() as tx:
        views = [stuck_step(tx, order, progress, now) for order, progress in progress_by_order.items()]
    return sorted((each for each in views if each), key=lambda each: each.since)


def stuck_step(tx: TenantSession, order: str, progress: Progress | None, now: datetime) -> StuckStepView | None:
    """Return an order's stuck step: as its workflow reports it, or else from its last needs_attention event."""
    order_row = find(tx, order)
    event = work_queue.last_attention_event(tx, order)
    stuck = progress.stuck if progress else _stuck_by_event(event, order_row)
    if order_row is None or stuck is None:
        return None
    loaded = load(tx, order_row)
    change = event.change if event else None
    retried = event is not None and work_queue.was_retried(tx, order, event)
    return StuckStepView(
        order=order,
        step=stuck.step,
        description=stuck.description,
        code=stuck.code,
        since=stuck.since,
        attempts=stuck.attempts,
        next_at=stuck.next_at,
        request=progress.request if progress else change,
        unsettled=stuck.unsettled or tuple(islice(unsettled_items(tx, loaded, change or ""), SHOWN)),
        risk=at_risk(loaded, moves_under_way.of_order(tx, order)),
        suggested_action=labels.suggested_action(stuck.step, retried=retried, by_hand=stuck.by_hand),
        by_hand=stuck.by_hand,
        key=labels.key(change, stuck.step, reseats.number_of(tx, order, change)) if change else None,
        from_workflow=progress is not None,
        statements=operator_statements.statements_of_done(
            tx, order, stuck.step, stuck.since, now - CONFIRMATION_WINDOW
        ),
    )


def _stuck_by_event(event: EventRow | None, order_row: OrderRow | None) -> StuckStep | None:
    if event is None or order_row is None:
        return None
    data = data_of(event)
    return StuckStep(
        step=data["step"],
        description=labels.step(data["step"]),
        since=datetime.fromisoformat(data["since"]),
        code=data["code"],
        attempts=data["attempts"],
        by_hand=data["by_hand"],
    )


def _find_late(ctx: ApiContext) -> tuple[list[ChangeRow], list[OrderRow]]:
    now = ctx.store.now()
    with ctx.store.read() as tx:
        overdue = work_queue.overdue_requests(tx, now - CLAIMED_WITHIN, SHOWN)
        return overdue, work_queue.drafts_ending(tx, now + ENDING_WITHIN, SHOWN)


def _refunds_owed(ctx: ApiContext) -> list[RefundOwed]:
    with ctx.store.read() as tx:
        return work_queue.refunds_owed(tx, SHOWN)


def _disputes(ctx: ApiContext) -> list[DisputeRow]:
    with ctx.store.read() as tx:
        return work_queue.open_disputes(tx, SHOWN)


def _find_discrepancies(ctx: ApiContext) -> list[Violation] | None:
    try:
        return needs_attention.discrepancies(ctx)
    except (OperationalError, StoreBusyError):
        return None


def _by_currency(stuck: Sequence[StuckStepView]) -> dict[str, Money]:
    sums = [each.risk.total for each in stuck]
    currencies = sorted({each.currency for each in sums})
    return {name: total((each for each in sums if each.currency == name), name) for name in currencies}
