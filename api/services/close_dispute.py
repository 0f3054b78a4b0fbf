"""Closes the case of a dispute, as an operator states it. No provider is called, and no money moves."""

from api.context import ApiContext
from api.errors.problems import ProblemError
from domain.dual_control import LOCAL
from domain.provider_events import DisputeState
from store.orders import disputes
from store.orders.orders import find, lock_order


def close_dispute(ctx: ApiContext, order: str, dispute: str, reason: str) -> None:
    """Close the case of an open dispute of an order. Raises ORDER_NOT_FOUND and DISPUTE_NOT_OPEN."""
    with ctx.store.write() as tx:
        if find(tx, order) is None:
            raise ProblemError("ORDER_NOT_FOUND")
        order_row = lock_order(tx, order)
        row = disputes.find(tx, order_row, dispute)
        if row is None or row.state != DisputeState.OPEN:
            raise ProblemError("DISPUTE_NOT_OPEN")
        disputes.close(tx, order_row, row, ctx.client or LOCAL, reason, ctx.store.now())
