"""Sets when a draft ends, after what it holds or has authorised has changed."""

from sqlmodel import Session

from activities.support.deadlines import latest_deadline
from activities.support.step_context import StepContext
from store.orders.events import EventType, append
from store.tables import OrderRow


def set_draft_end(context: StepContext, tx: Session, order: OrderRow, change: str) -> None:
    """Set the end of a draft that has just changed; the history says so if a provider shortens the client's time."""
    now = context.store.now()
    deadline = context.deadlines.ends_with_offers(tx, order, now)
    latest = latest_deadline(tx, order, context.external_systems)
    if latest is not None and latest.at < deadline:
        deadline = latest.at
        data = {"expires_at": deadline.isoformat(), "because": str(latest.cause)}
        append(tx, order, EventType.DEADLINE_SHORTENED, change, now, data)
    order.expires_at = deadline
