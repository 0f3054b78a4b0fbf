"""Submits what an operator's form asks for, under the form's own idempotency key."""

from collections.abc import Mapping

from fastapi import Request

from api.context import ApiContext
from api.desk.security import key_of, reason_of
from api.http.request_headers import MAX_WAIT, RequestOptions, correlation_id
from api.services.submit_request import submit
from domain.changes import ChangeKind, ChangeRequest
from domain.money import Money


async def submit_form(
    request: Request,
    ctx: ApiContext,
    number: str,
    kind: ChangeKind,
    fields: Mapping[str, str],
    amount: Money | None = None,
) -> str:
    """Submit a request with the form's reason; return its id. Raises ReasonError, and the problems of `submit`."""
    change_request = ChangeRequest(kind=kind, amount=amount, reason=reason_of(fields, None))
    options = RequestOptions(key_of(fields), None, MAX_WAIT, correlation_id(request))
    body = change_request.model_dump(mode="json", by_alias=True)
    row, _ = await submit(request, ctx, number, change_request, options, body)
    return row.id
