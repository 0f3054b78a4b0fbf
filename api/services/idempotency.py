"""Writes a request down before anything is done about it: one row per request, for ever."""

import hashlib
import json
import uuid
from typing import Any

from fastapi import Request

from api.context import ApiContext
from api.errors.problems import ProblemError
from api.http.request_headers import RequestOptions
from domain.changes import ChangeKind, ChangeState
from domain.refusals import OrderErased
from store.changes import changes
from store.database.tenant_session import TenantSession
from store.tables import ChangeRow, OrderRow


def fingerprint(method: str, path: str, body: Any) -> str:
    """Return what makes two requests the same: method, path and body, whatever the order of members."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{method}\n{path}\n{canonical}".encode()).hexdigest()


def idempotency_route(request: Request) -> str:
    """Return the route a request matched: idempotency keys are unique per tenant and route."""
    return f"{request.method} {request.scope['route'].path}"


def new_change(
    request: Request, ctx: ApiContext, kind: ChangeKind, options: RequestOptions, mark: str, text: str
) -> ChangeRow:
    """Return the row of a request that has just arrived."""
    return ChangeRow(
        tenant=ctx.tenant,
        client=ctx.client,
        id=str(uuid.uuid4()),
        route=idempotency_route(request) + options.part,
        idempotency_key=options.key,
        fingerprint=mark,
        kind=kind,
        request=text,
        correlation_id=options.correlation_id,
        state=ChangeState.WAITING,
        created_at=ctx.store.now(),
    )


def record_once(tx: TenantSession, row: ChangeRow) -> ChangeRow:
    """Write a request down, or return the one its key stands for already.

    Of two clients at once with one key the second waits here and gets the first one's row.
    Raises IDEMPOTENCY_MISMATCH when the key was used for another request.
    """
    if changes.add(tx, row):
        return row
    earlier = changes.of_key(tx, row.client, row.route, row.idempotency_key or "")
    if earlier is None:
        raise LookupError("a request that could not be written down has a twin")
    # What has been erased has no fingerprint: whoever has the key is answered.
    if earlier.fingerprint not in ("", row.fingerprint):
        raise ProblemError("IDEMPOTENCY_MISMATCH")
    return earlier


def refuse_if_erased(head: OrderRow) -> None:
    """Raise ORDER_ERASED for an order nothing about people may be written down for any more."""
    if head.erased_at is not None:
        raise ProblemError(OrderErased.code)
