"""Where an order stands, in a few words without anything personal."""

from domain.changes import OrderSummary
from domain.orders import Order


def summary_of(order: Order) -> OrderSummary:
    """Return an order's summary."""
    return OrderSummary(
        number=order.number,
        status=order.status,
        version=order.version,
        currency=order.currency,
        balance=order.balance,
        total=order.due,
        expires_at=order.expires_at,
        last_event=order.last_event,
        draft=order.draft_opened_by is not None,
    )
