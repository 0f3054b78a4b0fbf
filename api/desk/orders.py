"""One order as an operator sees it: head, lines, seats, both books of money, and what discarding would undo."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.desk.provider_comparison import Payment, Seat, payments_of, seats_of
from api.desk.timeline import Timeline, timeline
from api.desk.undo_preview import undo_list
from api.desk.work_queue import StuckStepView, stuck_step
from api.errors.problems import ProblemError
from api.services.read_order import known_number
from domain.changes import Outcome
from domain.money import Money
from domain.orders import Order, OrderLine
from domain.risk import Risk, at_risk
from domain.settlement import paid
from store.changes import changes
from store.database.tenant_session import TenantSession
from store.orders.orders import find, load
from store.tables import ChangeRow, LedgerRow, OrderRow
from store.views import provider_comparison, work_queue
from store.views.order_list import LONGEST_ID
from temporal.messages import Progress

MOST_MOVEMENTS = 50


@dataclass(frozen=True)
class Line:
    """A line as it is in the draft, beside what is confirmed."""

    line: OrderLine
    seats: Sequence[str]
    place: str
    """kept, added or removed: by the draft, against the confirmed version."""


@dataclass(frozen=True)
class OrderShown:
    """Everything of the order page."""

    head: OrderRow
    order: Order
    lines: Sequence[Line]
    seats: Sequence[Seat]
    released: int
    payments: Sequence[Payment]
    inside: bool
    """Whether the bank's book is here to look at."""
    movements: Sequence[LedgerRow]
    paid: Money
    risk: Risk
    undo: Sequence[str]
    timeline: Timeline
    progress: Progress | None
    silent: bool
    """Whether its workflow was asked and did not say."""
    stuck: StuckStepView | None
    underway: bool
    """Whether a request is being served."""
    asked: tuple[ChangeRow, Outcome | None] | None
    """The request this page was sent on from, and how it ended."""


async def order_shown(ctx: ApiContext, number: str, before: str | None, asked: str | None) -> OrderShown:
    """Return everything of the order page. Raises ORDER_NOT_FOUND."""
    worth_asking = await run_in_threadpool(_worth_asking, ctx, number)
    progress = await ctx.workflow_client.progress(number) if worth_asking else None
    read = partial(_read, ctx, number, before, asked, progress, silent=worth_asking and progress is None)
    return await run_in_threadpool(read)


def head_of(tx: TenantSession, number: str) -> OrderRow:
    """Return an order's head. Raises ORDER_NOT_FOUND."""
    head = find(tx, known_number(number))
    if head is None:
        raise ProblemError("ORDER_NOT_FOUND")
    return head


def _worth_asking(ctx: ApiContext, number: str) -> bool:
    """Whether a run of the order's workflow may have something to tell."""
    with ctx.store.read() as tx:
        head = head_of(tx, number)
        open_ = head.draft_opened_by is not None or changes.claimed_without_outcome(tx, number, but="")
        return bool(open_) or number in work_queue.last_heard_stuck(tx, 1, number)


def _read(
    ctx: ApiContext, number: str, before: str | None, asked: str | None, progress: Progress | None, *, silent: bool
) -> OrderShown:
    with ctx.store.read() as tx:
        head = head_of(tx, number)
        order = load(tx, head)
        payments, seats = payments_of(tx, head), seats_of(tx, head, order)
        stuck = (progress is not None and progress.stuck is not None) or silent
        return OrderShown(
            head=head,
            order=order,
            lines=_lines(order),
            seats=seats,
            released=len(order.reservations) - len(seats),
            payments=payments,
            inside=not payments or any(each.bank for each in payments),
            movements=provider_comparison.movements(tx, head, MOST_MOVEMENTS),
            paid=paid(order.payments, order.currency),
            risk=at_risk(order),
            undo=undo_list(tx, order),
            timeline=timeline(tx, ctx, head, order, before),
            progress=progress,
            silent=silent,
            underway=bool(changes.claimed_without_outcome(tx, number, but="")),
            stuck=stuck_step(tx, number, progress, ctx.store.now()) if stuck else None,
            asked=_asked(tx, head, asked),
        )


def _asked(tx: TenantSession, head: OrderRow, change: str | None) -> tuple[ChangeRow, Outcome | None] | None:
    row = changes.find(tx, change) if change and len(change) <= LONGEST_ID and "\0" not in change else None
    if row is None or row.order_number != head.number:
        return None
    return row, changes.outcome_of(row)


def _lines(order: Order) -> list[Line]:
    names = {each.id: each.name for each in order.reservations}
    confirmed = {line.id for line in order.confirmed_lines}
    shown = {line.id: line for line in (*order.confirmed_lines, *order.live_lines)}
    return [
        Line(
            line,
            [names[seat] for seat in line.reservations if seat in names],
            _place(line, confirmed=line.id in confirmed),
        )
        for line in sorted(shown.values(), key=lambda each: (each.position, each.added_in, each.id))
    ]


def _place(line: OrderLine, *, confirmed: bool) -> str:
    if not confirmed:
        return "added"
    return "kept" if line.live else "removed"
