"""Records a request that is refused before it is submitted, so that it is refused alike when it is repeated."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from api.context import ApiContext
from api.errors.problems import TITLES, ProblemError
from api.http.request_headers import RequestOptions
from api.services import order_change_limit
from api.services.idempotency import fingerprint, new_change, record_once, refuse_if_erased
from domain.changes import ChangeRequest, ChangeState, Outcome, Remark
from store.changes import changes
from store.orders.orders import find, lock_order
from store.orders.shown_orders import keep_shown
from store.orders.totals import summary_of
from store.tables import ChangeRow

MEMBER_INVALID = "MEMBER_INVALID"
"""The code of a refusal that only a façade's API has; its members have the façade's own codes."""


def record_refusal(
    request: Request, ctx: ApiContext, order: str, change_request: ChangeRequest, options: RequestOptions, body: Any
) -> tuple[ChangeRow, bool]:
    """Record a request with its refusal; return its row, and whether its key was used before.

    Raise ORDER_NOT_FOUND, ORDER_ERASED, ORDER_CHANGED_TOO_OFTEN, and IDEMPOTENCY_MISMATCH.
    """
    request_fingerprint = fingerprint(request.method, request.url.path, body)
    with ctx.store.write() as tx:
        order_row = find(tx, order)
        if order_row is None:
            raise ProblemError("ORDER_NOT_FOUND")
        fresh = new_change(request, ctx, change_request.kind, options, request_fingerprint, change_request)
        fresh.order_number = order
        row = record_once(tx, fresh)
        if row is not fresh:
            return row, True
        refuse_if_erased(order_row)
        order_change_limit.check_order_change_rate(tx, ctx, fresh)
        order_row = lock_order(tx, order)
        code, members = _describe(change_request.refused)
        outcome = Outcome(state=ChangeState.REFUSED, code=code, members=members, order=summary_of(tx, order_row))
        changes.end(tx, fresh.id, outcome, ctx.store.now(), shown=keep_shown(tx, order_row), unclaimed=True)
    with ctx.store.read() as tx:
        return changes.existing(tx, fresh.id), False


def _describe(remarks: Sequence[Remark]) -> tuple[str, tuple[dict[str, str | int], ...]]:
    """Return a refusal's code and members: a reason that the native API has, such as SOLD_OUT, keeps its code."""
    codes = {each.code.upper() for each in remarks}
    (code, *others) = codes
    if others or code not in TITLES:
        return MEMBER_INVALID, tuple({"code": each.code} for each in remarks)
    return code, tuple({"position": each.position} for each in remarks if each.position is not None)
