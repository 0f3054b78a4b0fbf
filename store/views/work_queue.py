"""What waits, by the books alone: requests nobody took up, drafts about to end, steps last heard of as stuck."""

from datetime import datetime

from sqlmodel import Session, and_, col, select

from store.database.tenant_session import TenantSession
from store.orders.events import EventType
from store.orders.orders import visible_orders
from store.tables import ChangeRow, EventRow, OrderRow

_CALLS = (EventType.NEEDS_ATTENTION, EventType.RETRY_REQUESTED, EventType.DONE_BY_HAND_STATED)


def overdue_requests(tx: TenantSession, before: datetime, limit: int) -> list[ChangeRow]:
    """Return requests written down before a time that no workflow has taken up, first come first."""
    late = (col(ChangeRow.outcome).is_(None), col(ChangeRow.claimed_at).is_(None), ChangeRow.created_at < before)
    of_orders = select(ChangeRow).join(OrderRow, col(OrderRow.number) == col(ChangeRow.order_number))
    query = of_orders.where(ChangeRow.tenant == tx.reach.tenant, visible_orders(tx), *late)
    return list(tx.exec(query.order_by(col(ChangeRow.created_at)).limit(limit)))


def drafts_ending(tx: TenantSession, until: datetime, limit: int) -> list[OrderRow]:
    """Return orders whose open draft ends before a time, first to end first."""
    open_ = (col(OrderRow.draft_opened_by).is_not(None), col(OrderRow.expires_at) < until)
    query = select(OrderRow).where(visible_orders(tx), *open_)
    return list(tx.exec(query.order_by(col(OrderRow.expires_at)).limit(limit)))


def last_heard_stuck(tx: TenantSession, limit: int, order: str | None = None) -> list[str]:
    """Return orders, or the one, of which the last thing heard is that a step is stuck. It may be done since."""
    last = and_(col(EventRow.order_number) == col(OrderRow.number), col(EventRow.number) == col(OrderRow.last_event))
    query = select(OrderRow.number).join(EventRow, last)
    query = query.where(visible_orders(tx), col(EventRow.type).in_(_CALLS))
    if order is not None:
        query = query.where(OrderRow.number == order)
    return list(tx.exec(query.order_by(col(EventRow.at).desc()).limit(limit)))


def last_call(tx: TenantSession, order: str) -> EventRow | None:
    """Return when an order last called an operator: its step, its code, its change."""
    of_order = (EventRow.tenant == tx.reach.tenant, EventRow.order_number == order)
    query = select(EventRow).where(*of_order, EventRow.type == EventType.NEEDS_ATTENTION)
    return tx.exec(query.order_by(col(EventRow.number).desc()).limit(1)).first()


def was_retried(tx: Session, order: str, since: EventRow) -> bool:
    """Whether an operator has had a step tried again since an order called."""
    later = (EventRow.order_number == order, col(EventRow.number) > since.number)
    retried = select(EventRow.number).where(*later, EventRow.type == EventType.RETRY_REQUESTED)
    return tx.exec(retried.limit(1)).first() is not None
