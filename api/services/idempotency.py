"""Records a request before it is processed: one row per request, which is kept permanently."""

import hashlib
import json
import uuid
from typing import Any

from fastapi import Request

from api.context import ApiContext
from api.errors.problems import ProblemError
from api.http.request_headers import RequestOptions
from domain import formats
from domain.changes import ChangeKind, ChangeState
from domain.model import Model
from domain.refusals import OrderErased
from store.changes import changes
from store.database.documents import to_document
from store.database.tenant_session import TenantSession
from store.tables import ChangeRow, OrderRow


def fingerprint(method: str, path: str, body: Any) -> str:
    """Return a hash of method, path and body; the order of JSON members does not matter."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{method}\n{path}\n{canonical}".encode()).hexdigest()


def idempotency_route(request: Request) -> str:
    """Return the method and template of the matched route: idempotency keys are unique per client and route."""
    return f"{request.method} {request.scope['route'].path}"


def new_change(
    request: Request, ctx: ApiContext, kind: ChangeKind, options: RequestOptions, request_fingerprint: str, sent: Model
) -> ChangeRow:
    """Build the row of a new request."""
    return ChangeRow(
        tenant=ctx.tenant,
        client=ctx.client,
        id=str(uuid.uuid4()),
        route=idempotency_route(request) + options.part,
        idempotency_key=options.key,
        fingerprint=request_fingerprint,
        kind=kind,
        request=to_document(sent),
        needs=formats.needs(sent),
        correlation_id=options.correlation_id,
        state=ChangeState.WAITING,
        created_at=ctx.store.now(),
    )


def record_once(tx: TenantSession, row: ChangeRow) -> ChangeRow:
    """Record a request, or return the row that has its idempotency key already.

    Of two concurrent requests with one key the second waits here for the first and gets the first one's row.
    Raise IDEMPOTENCY_MISMATCH if the key was used for another request.
    """
    if changes.add(tx, row):
        return row
    earlier = changes.of_key(tx, row.client, row.route, row.idempotency_key or "")
    if earlier is None:
        raise LookupError("a request that conflicts with a recorded one must have its key")
    # An erased request has no fingerprint, so its key alone identifies it.
    if earlier.fingerprint not in ("", row.fingerprint):
        raise ProblemError("IDEMPOTENCY_MISMATCH")
    return earlier


def refuse_if_erased(order_row: OrderRow) -> None:
    """Raise ORDER_ERASED for an erased order: no personal data may be recorded for it again."""
    if order_row.erased_at is not None:
        raise ProblemError(OrderErased.code)
