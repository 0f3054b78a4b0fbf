"""How every façade asks something of an order: written down first, then handed to the workflow."""

from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from structlog.contextvars import bind_contextvars

from api.auth.authenticator import may
from api.context import ApiParts
from api.errors.problems import ProblemError
from api.http.request_headers import Handling
from api.services import order_change_limit
from api.services.create_order import NewOrder, make_order, of_caller
from api.services.idempotency import admits, fingerprint, new_change, route_of, written
from api.services.read_order import known_number
from api.workflow_client import EngineUnreachableError, QueueFullError
from api.workflow_client import Request as EngineRequest
from domain.access import Scope
from domain.changes import ChangeKind, ChangeRequest, ChangeState, Outcome
from domain.refusals import NoTurn
from store.changes import changes
from store.orders.orders import find
from store.orders.totals import summary_of
from store.tables import ChangeRow

UNREACHABLE = "ENGINE_UNREACHABLE"
_MOVES_MONEY = (ChangeKind.CONFIRM, ChangeKind.PAY)


async def ask(
    request: Request, made: ApiParts, order: str | NewOrder, wanted: ChangeRequest, asked: Handling, body: Any
) -> tuple[ChangeRow, bool]:
    """Ask something of an order, or of a new one; return its row, with the outcome if there is one by now.

    The second value says whether the answer had been given before. Raises ProblemError for an
    unknown order, a key used for something else, and a workflow that cannot be reached.
    """
    if wanted.confirm or wanted.kind in _MOVES_MONEY:
        may(request.state.caller, Scope.CONFIRM)
    if isinstance(order, NewOrder):
        order = of_caller(made, order)
    mark = fingerprint(request.method, request.url.path, body)
    row, channel = await run_in_threadpool(_write_down, request, made, order, wanted, asked, mark)
    bind_contextvars(order=row.order_number, change=row.id)
    if row.outcome:
        return row, True
    try:
        wanted_of = EngineRequest(wanted.kind, row.id, row.order_number or "", channel, asked.correlation_id)
        await made.engine.ask(wanted_of, asked.wait)
    except QueueFullError:
        await run_in_threadpool(_turn_away, made, row.order_number or "", row.id)
    except EngineUnreachableError:
        await run_in_threadpool(_note_trouble, made, row.id)
        raise ProblemError(UNREACHABLE, change=row.id) from None
    return await run_in_threadpool(_read, made, row.id), False


def _write_down(
    request: Request, made: ApiParts, order: str | NewOrder, wanted: ChangeRequest, asked: Handling, mark: str
) -> tuple[ChangeRow, str | None]:
    with made.store.write() as tx:
        text = wanted.model_dump_json(by_alias=True)
        fresh = new_change(request, made, wanted.kind, asked, mark, text)
        if isinstance(order, NewOrder):
            row = written(tx, fresh)
            if row is fresh:
                make_order(tx, made, order, fresh, empty=False)
                tx.merge(fresh)
            return row, order.distribution_channel
        head = find(tx, known_number(order))
        if head is None:
            raise ProblemError("ORDER_NOT_FOUND")
        fresh.order_number = order
        row = written(tx, fresh)
        if row is fresh:
            admits(head)
            order_change_limit.count(tx, made, fresh)
        return row, head.distribution_channel


def asked_before(request: Request, made: ApiParts, asked: Handling) -> ChangeRequest | None:
    """Return what was asked under this request's key already, if anything."""
    if asked.key is None:
        return None
    with made.store.read() as tx:
        row = changes.of_key(tx, made.client, route_of(request) + asked.part, asked.key)
        return changes.request_of(row) if row else None


def _turn_away(made: ApiParts, order: str, change: str) -> None:
    with made.store.write() as tx:
        head = find(tx, order)
        if head is not None:
            outcome = Outcome(state=ChangeState.REFUSED, code=NoTurn.code, order=summary_of(tx, head))
            changes.end(tx, change, outcome, made.store.now(), unclaimed=True)


def _note_trouble(made: ApiParts, change: str) -> None:
    with made.store.write() as tx:
        changes.note_trouble(tx, change, UNREACHABLE)


def _read(made: ApiParts, change: str) -> ChangeRow:
    with made.store.read() as tx:
        return changes.existing(tx, change)
