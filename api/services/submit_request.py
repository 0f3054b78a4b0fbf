"""Submits a request of any façade: it is recorded first, then sent to the order's workflow."""

from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from structlog.contextvars import bind_contextvars

from api.auth.authenticator import require_scope
from api.context import ApiContext
from api.errors.problems import ProblemError
from api.http.request_headers import RequestOptions
from api.services import order_change_limit
from api.services.create_order import NewOrder, create_order, with_caller_channel
from api.services.idempotency import fingerprint, idempotency_route, new_change, record_once, refuse_if_erased
from api.services.read_order import require_order_number
from api.workflow_client import NoNewerWorkerError, QueueFullError, SubmitRequest, TemporalUnavailableError
from domain.access import Scope
from domain.changes import ChangeKind, ChangeRequest, ChangeState, Outcome
from domain.refusals import OrderBusy
from store.changes import changes
from store.orders.orders import find
from store.orders.totals import summary_of
from store.tables import ChangeRow
from temporal.names import NEWER_WORKER_NEEDED

UNREACHABLE = "ENGINE_UNREACHABLE"
_MOVES_MONEY = (ChangeKind.CONFIRM, ChangeKind.PAY)


async def submit(
    request: Request,
    ctx: ApiContext,
    order: str | NewOrder,
    change_request: ChangeRequest,
    options: RequestOptions,
    body: Any,
) -> tuple[ChangeRow, bool]:
    """Submit a request for an order, or for a new one; return its row, with the outcome if it has ended.

    The second value tells whether this is a replay of an ended request. Raise ProblemError for an unknown
    order, a key that was used for another request, ENGINE_UNREACHABLE and NEWER_WORKER_NEEDED.
    """
    if change_request.confirm or change_request.kind in _MOVES_MONEY:
        require_scope(request.state.caller, Scope.CONFIRM)
    if isinstance(order, NewOrder):
        order = with_caller_channel(ctx, order)
    request_fingerprint = fingerprint(request.method, request.url.path, body)
    row, channel = await run_in_threadpool(_record, request, ctx, order, change_request, options, request_fingerprint)
    bind_contextvars(order=row.order_number, change=row.id)
    if row.outcome:
        return row, True
    try:
        submission = SubmitRequest(
            change_request.kind,
            row.id,
            row.order_number or "",
            channel,
            options.correlation_id,
            left_before=row.dispatch_error is not None,
        )
        await ctx.workflow_client.submit(submission, options.wait)
    except QueueFullError:
        await run_in_threadpool(_refuse_when_full, ctx, row.order_number or "", row.id)
    except TemporalUnavailableError:
        await run_in_threadpool(_record_dispatch_error, ctx, row.id)
        raise ProblemError(UNREACHABLE, change=row.id) from None
    except NoNewerWorkerError:
        raise ProblemError(NEWER_WORKER_NEEDED, change=row.id) from None
    return await run_in_threadpool(_read, ctx, row.id), False


def _record(
    request: Request,
    ctx: ApiContext,
    order: str | NewOrder,
    change_request: ChangeRequest,
    options: RequestOptions,
    request_fingerprint: str,
) -> tuple[ChangeRow, str | None]:
    with ctx.store.write() as tx:
        fresh = new_change(request, ctx, change_request.kind, options, request_fingerprint, change_request)
        if isinstance(order, NewOrder):
            row = record_once(tx, fresh)
            if row is fresh:
                create_order(tx, ctx, order, fresh, empty=False)
                tx.merge(fresh)
            return row, order.distribution_channel
        order_row = find(tx, require_order_number(order))
        if order_row is None:
            raise ProblemError("ORDER_NOT_FOUND")
        fresh.order_number = order
        row = record_once(tx, fresh)
        if row is fresh:
            refuse_if_erased(order_row)
            order_change_limit.check_order_change_rate(tx, ctx, fresh)
        return row, order_row.distribution_channel


def find_previous(request: Request, ctx: ApiContext, options: RequestOptions) -> ChangeRequest | None:
    """Return the recorded request with this request's idempotency key; None if there is none."""
    if options.key is None:
        return None
    with ctx.store.read() as tx:
        row = changes.of_key(tx, ctx.client, idempotency_route(request) + options.part, options.key)
        return changes.request_of(row) if row else None


def _refuse_when_full(ctx: ApiContext, order: str, change: str) -> None:
    with ctx.store.write() as tx:
        order_row = find(tx, order)
        if order_row is not None:
            outcome = Outcome(state=ChangeState.REFUSED, code=OrderBusy.code, order=summary_of(tx, order_row))
            changes.end(tx, change, outcome, ctx.store.now(), unclaimed=True)


def _record_dispatch_error(ctx: ApiContext, change: str) -> None:
    with ctx.store.write() as tx:
        changes.record_dispatch_error(tx, change, UNREACHABLE)


def _read(ctx: ApiContext, change: str) -> ChangeRow:
    with ctx.store.read() as tx:
        return changes.existing(tx, change)
