"""How every façade asks something of an order: written down first, then handed to the workflow."""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api.engine import EngineUnreachableError, QueueFullError
from api.engine import Request as EngineRequest
from api.headers import Handling
from api.new_orders import NewOrder, make_order
from api.parts import ApiParts
from api.problems import ProblemError
from domain.changes import ChangeKind, ChangeRequest, ChangeState, Outcome
from domain.refusals import NoTurn
from domain.summaries import summary_of
from store import changes
from store.orders import find, load
from store.tables import ChangeRow

UNREACHABLE = "ENGINE_UNREACHABLE"
_NUMBER = re.compile(r"\d{2}-\d{6,12}", re.ASCII)


def fingerprint(method: str, path: str, body: Any) -> str:
    """Return what makes two requests the same: method, path and body, whatever the order of members."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{method}\n{path}\n{canonical}".encode()).hexdigest()


def route_of(request: Request) -> str:
    """Return the route a request matched: idempotency keys are unique per tenant and route."""
    return f"{request.method} {request.scope['route'].path}"


def known_number(order: str) -> str:
    """Return what can be an order number; anything else is as unknown as a foreign order."""
    if not _NUMBER.fullmatch(order):
        raise ProblemError("ORDER_NOT_FOUND")
    return order


async def ask(
    request: Request, made: ApiParts, order: str | NewOrder, wanted: ChangeRequest, asked: Handling, body: Any
) -> tuple[ChangeRow, bool]:
    """Ask something of an order, or of a new one; return its row, with the outcome if there is one by now.

    The second value says whether the answer had been given before. Raises ProblemError for an
    unknown order, a key used for something else, and a workflow that cannot be reached.
    """
    mark = fingerprint(request.method, request.url.path, body)
    row, channel = await run_in_threadpool(_write_down, request, made, order, wanted, asked, mark)
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
        head = find(tx, made.tenant, known_number(order))
        if head is None:
            raise ProblemError("ORDER_NOT_FOUND")
        fresh.order_number = order
        return written(tx, fresh), head.distribution_channel


def new_change(request: Request, made: ApiParts, kind: ChangeKind, asked: Handling, mark: str, text: str) -> ChangeRow:
    """Return the row of a request that has just arrived."""
    return ChangeRow(
        tenant=made.tenant,
        id=str(uuid.uuid4()),
        route=route_of(request),
        idempotency_key=asked.key,
        fingerprint=mark,
        kind=kind,
        request=text,
        correlation_id=asked.correlation_id,
        state=ChangeState.WAITING,
        created_at=made.store.now(),
    )


def written(tx: Session, row: ChangeRow) -> ChangeRow:
    """Write a request down, or return the one its key stands for already.

    Of two clients at once with one key the second waits here and gets the first one's row.
    Raises IDEMPOTENCY_MISMATCH when the key was used for another request.
    """
    if changes.add(tx, row):
        return row
    earlier = changes.of_key(tx, row.tenant, row.route, row.idempotency_key or "")
    if earlier is None:
        raise LookupError("a request that could not be written down has a twin")
    if earlier.fingerprint != row.fingerprint:
        raise ProblemError("IDEMPOTENCY_MISMATCH")
    return earlier


def _turn_away(made: ApiParts, order: str, change: str) -> None:
    with made.store.write() as tx:
        head = find(tx, made.tenant, order)
        if head is not None:
            outcome = Outcome(state=ChangeState.REFUSED, code=NoTurn.code, order=summary_of(load(tx, head)))
            changes.end(tx, change, outcome, made.store.now(), unclaimed=True)


def _note_trouble(made: ApiParts, change: str) -> None:
    with made.store.write() as tx:
        changes.note_trouble(tx, change, UNREACHABLE)


def _read(made: ApiParts, change: str) -> ChangeRow:
    with made.store.read() as tx:
        return changes.existing(tx, change)


def headers_of(row: ChangeRow, asked: Handling, *, replayed: bool, last_event: int | None) -> Mapping[str, str]:
    """Return the headers an answer about a change carries."""
    headers = {"Location": f"/v1/changes/{row.id}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    if last_event is not None:
        headers["ETag"] = f'"e{last_event}"'
    if asked.wait is None:
        headers["Preference-Applied"] = "respond-async"
    return headers
