"""Creates orders: empty ones, or an order with its first change."""

from typing import Any

from fastapi import Request

from api.context import ApiContext
from api.errors.problems import ProblemError
from api.http.request_headers import RequestOptions
from api.services.idempotency import fingerprint, new_change, record_once
from domain.changes import ChangeKind, ChangeState, Outcome
from domain.dual_control import Reason
from domain.model import Code, Flag, Model, Text
from store.changes import changes
from store.database.documents import to_document
from store.database.tenant_session import TenantSession
from store.orders import order_numbers
from store.orders.events import EventType, append
from store.orders.totals import summary_of
from store.tables import ChangeRow, OrderRow


class NewOrder(Model):
    """The data of a new order."""

    currency: str
    external_reference: Text | None = None
    distribution_channel: Code | None = None
    point_of_sale: Text | None = None
    time_zone: str = "UTC"
    expires_with_offers: Flag = False
    reason: Reason | None = None
    """Why the client creates it; kept with the request, not on the order."""

    @property
    def row_members(self) -> dict[str, Any]:
        """The members that the order's row has."""
        return self.model_dump(exclude={"reason"})


def with_caller_channel(ctx: ApiContext, new_order: NewOrder) -> NewOrder:
    """Return a new order in the caller's channel, if the caller has one. Raise CHANNEL_REFUSED for another channel."""
    channel = ctx.access.channel
    if channel is None or new_order.distribution_channel == channel:
        return new_order
    if new_order.distribution_channel is not None:
        raise ProblemError("CHANNEL_REFUSED")
    return new_order.model_copy(update={"distribution_channel": channel})


def create_order(tx: TenantSession, ctx: ApiContext, new_order: NewOrder, row: ChangeRow, *, empty: bool) -> OrderRow:
    """Create an order in the transaction that records its request.

    An order that is not created `empty` is deleted again if its first change is refused.
    """
    now = row.created_at
    number = order_numbers.next_order_number(tx, ctx.tenant, now)
    created_by = None if empty else row.id
    order_row = OrderRow(
        tenant=ctx.tenant,
        number=number,
        created_at=now,
        created_by=created_by,
        tax_rounding=ctx.tax_rounding,
        **new_order.row_members,
    )
    tx.add(order_row)
    tx.flush()
    append(tx, order_row, EventType.ORDER_CREATED, row.id, now, {})
    row.order_number = number
    return order_row


def create_empty(
    request: Request, ctx: ApiContext, new_order: NewOrder, options: RequestOptions, body: Any
) -> tuple[ChangeRow, bool]:
    """Create an empty order that is kept; return the row of its change, and whether the key created it before."""
    request_fingerprint = fingerprint(request.method, request.url.path, body)
    new_order = with_caller_channel(ctx, new_order)
    with ctx.store.write() as tx:
        fresh = new_change(request, ctx, ChangeKind.CREATE, options, request_fingerprint, new_order)
        row = record_once(tx, fresh)
        if row is not fresh:
            return row, True
        order_row = create_order(tx, ctx, new_order, fresh, empty=True)
        outcome = Outcome(state=ChangeState.DONE, order=summary_of(tx, order_row))
        fresh.outcome = to_document(outcome)
        fresh.state, fresh.finished_at = ChangeState.DONE, fresh.created_at
        tx.merge(fresh)
        changes.count_and_log(tx, fresh.id, outcome, fresh.kind, fresh.correlation_id)
        return fresh, False
