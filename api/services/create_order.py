"""How an order comes into being: empty on purpose, or with its first change."""

from typing import Any

from fastapi import Request

from api.context import ApiContext
from api.errors.problems import ProblemError
from api.http.request_headers import RequestOptions
from api.services.idempotency import fingerprint, new_change, record_once
from domain.changes import ChangeKind, ChangeState, Outcome
from domain.model import Code, Flag, Model, Text
from store.changes import changes
from store.database.tenant_session import TenantSession
from store.orders import order_numbers
from store.orders.events import EventType, append
from store.orders.totals import summary_of
from store.tables import ChangeRow, OrderRow


class NewOrder(Model):
    """What an order is made from."""

    currency: str
    external_reference: Text | None = None
    distribution_channel: Code | None = None
    point_of_sale: Text | None = None
    time_zone: str = "UTC"
    expires_with_offers: Flag = False


def with_caller_channel(ctx: ApiContext, wanted: NewOrder) -> NewOrder:
    """Return what an order is made from, of the caller's channel if it has one. Raises CHANNEL_REFUSED for another."""
    channel = ctx.access.channel
    if channel is None or wanted.distribution_channel == channel:
        return wanted
    if wanted.distribution_channel is not None:
        raise ProblemError("CHANNEL_REFUSED")
    return wanted.model_copy(update={"distribution_channel": channel})


def create_order(tx: TenantSession, ctx: ApiContext, wanted: NewOrder, row: ChangeRow, *, empty: bool) -> OrderRow:
    """Make an order in the transaction that writes its request down.

    One that is not made `empty` on purpose is gone again when its first change is refused.
    """
    now = row.created_at
    number = order_numbers.next_order_number(tx, ctx.tenant, now)
    by = None if empty else row.id
    head = OrderRow(tenant=ctx.tenant, number=number, created_at=now, created_by=by, **wanted.model_dump())
    tx.add(head)
    tx.flush()
    append(tx, head, EventType.ORDER_CREATED, row.id, now, {})
    row.order_number = number
    return head


def create_empty(
    request: Request, ctx: ApiContext, wanted: NewOrder, options: RequestOptions, body: Any
) -> tuple[ChangeRow, bool]:
    """Make an order that stays whatever becomes of it; return its row, and whether the key had made it before."""
    mark, wanted = fingerprint(request.method, request.url.path, body), with_caller_channel(ctx, wanted)
    with ctx.store.write() as tx:
        fresh = new_change(request, ctx, ChangeKind.CREATE, options, mark, wanted.model_dump_json())
        row = record_once(tx, fresh)
        if row is not fresh:
            return row, True
        head = create_order(tx, ctx, wanted, fresh, empty=True)
        outcome = Outcome(state=ChangeState.DONE, order=summary_of(tx, head))
        fresh.outcome = outcome.model_dump_json()
        fresh.state, fresh.finished_at = ChangeState.DONE, fresh.created_at
        tx.merge(fresh)
        changes.count_and_log(tx, fresh.id, outcome, fresh.kind, fresh.correlation_id)
        return fresh, False
