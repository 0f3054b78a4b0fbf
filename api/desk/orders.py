"""Data of the order page: the order with its lines, seats, units, payments and ledger, and what a discard undoes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.desk.payment_book import BookOfOrder, book_of
from api.desk.provider_comparison import Payment, Seat, UnitOfStock, payments_of, seats_of, units_of
from api.desk.timeline import Timeline, timeline
from api.desk.undo_preview import undo_list
from api.desk.work_queue import StuckStepView, stuck_step
from api.errors.problems import ProblemError
from api.services.read_order import require_order_number
from domain.changes import Outcome
from domain.money import Money
from domain.orders import Order, OrderLine
from domain.risk import Risk, at_risk
from store.changes import changes
from store.database.tenant_session import TenantSession
from store.orders.orders import find, load
from store.tables import ChangeRow, LedgerRow, OrderRow
from store.views import moves_under_way, provider_comparison, work_queue
from store.views.order_list import MAX_ID
from store.views.work_queue import RefundOwed
from temporal.messages import Progress

MAX_MOVEMENTS = 50


@dataclass(frozen=True)
class Line:
    """An order line, and how the draft differs from the confirmed version in it."""

    line: OrderLine
    seats: Sequence[str]
    difference: str
    """kept, added or removed: the draft compared with the confirmed version."""


@dataclass(frozen=True)
class OrderShown:
    """Everything that the order page shows."""

    order_row: OrderRow
    order: Order
    lines: Sequence[Line]
    seats: Sequence[Seat]
    units: Sequence[UnitOfStock]
    released: int
    payments: Sequence[Payment]
    provider_records: bool
    """Whether the payment provider's records could be read, so that they can be compared."""
    book_unread: bool
    """Whether an external payment provider did not answer when its book was read."""
    movements: Sequence[LedgerRow]
    paid: Money
    risk: Risk
    refund_owed: RefundOwed | None
    """What is owed to the customer because no card took it."""
    undo: Sequence[str]
    timeline: Timeline
    progress: Progress | None
    silent: bool
    """Whether the order's workflow did not answer the query for its progress."""
    stuck: StuckStepView | None
    in_progress: bool
    """Whether the workflow is executing a request."""
    submitted: tuple[ChangeRow, Outcome | None] | None
    """The request whose form redirected to this page, and its outcome; None while it runs."""


async def order_shown(ctx: ApiContext, number: str, before: str | None, change: str | None) -> OrderShown:
    """Return the data of the order page. `change` is the request just submitted by a form. Raises ORDER_NOT_FOUND."""
    running = await run_in_threadpool(_may_be_running, ctx, number)
    progress = await ctx.workflow_client.progress(number) if running else None
    book = await book_of(ctx, require_order_number(number))
    read = partial(_read, ctx, number, before, change, progress, book, silent=running and progress is None)
    return await run_in_threadpool(read)


def get_order_row(tx: TenantSession, number: str) -> OrderRow:
    """Return an order's row. Raises ORDER_NOT_FOUND."""
    order_row = find(tx, require_order_number(number))
    if order_row is None:
        raise ProblemError("ORDER_NOT_FOUND")
    return order_row


def _may_be_running(ctx: ApiContext, number: str) -> bool:
    """Whether the order's workflow may be running: only then is it queried for its progress."""
    with ctx.store.read() as tx:
        order_row = get_order_row(tx, number)
        open_ = order_row.draft_opened_by is not None or changes.claimed_without_outcome(tx, number, excluding="")
        return bool(open_) or number in work_queue.orders_reported_stuck(tx, 1, number)


def _read(
    ctx: ApiContext,
    number: str,
    before: str | None,
    change: str | None,
    progress: Progress | None,
    book: BookOfOrder,
    *,
    silent: bool,
) -> OrderShown:
    with ctx.store.read() as tx:
        order_row = get_order_row(tx, number)
        order = load(tx, order_row)
        payments = payments_of(tx, order_row, book.sums)
        seats, units = seats_of(tx, order_row, order), units_of(tx, order_row, order)
        stuck = (progress is not None and progress.stuck is not None) or silent
        return OrderShown(
            order_row=order_row,
            order=order,
            lines=_lines(order),
            seats=seats,
            units=units,
            released=len(order.reservations) + len(order.units) - len(seats) - len(units),
            payments=payments,
            provider_records=book.sums is not None or not payments or any(each.provider for each in payments),
            book_unread=book.unread,
            movements=provider_comparison.movements(tx, order_row, MAX_MOVEMENTS),
            paid=order.paid,
            risk=at_risk(order, moves_under_way.of_order(tx, number)),
            refund_owed=next(iter(work_queue.refunds_owed(tx, 1, number)), None),
            undo=undo_list(tx, order),
            timeline=timeline(tx, ctx, order_row, order, before),
            progress=progress,
            silent=silent,
            in_progress=bool(changes.claimed_without_outcome(tx, number, excluding="")),
            stuck=stuck_step(tx, number, progress, ctx.store.now()) if stuck else None,
            submitted=_submitted(tx, order_row, change),
        )


def _submitted(tx: TenantSession, order_row: OrderRow, change: str | None) -> tuple[ChangeRow, Outcome | None] | None:
    row = changes.find(tx, change) if change and len(change) <= MAX_ID and "\0" not in change else None
    if row is None or row.order_number != order_row.number:
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
            _difference(line, confirmed=line.id in confirmed),
        )
        for line in sorted(shown.values(), key=lambda each: (each.position, each.added_in, each.id))
    ]


def _difference(line: OrderLine, *, confirmed: bool) -> str:
    if not confirmed:
        return "added"
    return "kept" if line.live else "removed"
