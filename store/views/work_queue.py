"""The operators' work queue from the database: overdue requests, drafts about to expire, steps reported stuck."""

from datetime import datetime

from sqlmodel import Session, and_, col, select

from store.database.tenant_session import TenantSession
from store.orders.events import EventType
from store.orders.orders import visible_orders
from store.tables import ChangeRow, EventRow, OrderRow

_ATTENTION_EVENTS = (EventType.NEEDS_ATTENTION, EventType.RETRY_REQUESTED, EventType.DONE_BY_HAND_STATED)


def overdue_requests(tx: TenantSession, before: datetime, limit: int) -> list[ChangeRow]:
    """Return requests stored before a time that no workflow has claimed, oldest first."""
    late = (col(ChangeRow.outcome).is_(None), col(ChangeRow.claimed_at).is_(None), ChangeRow.created_at < before)
    of_orders = select(ChangeRow).join(OrderRow, col(OrderRow.number) == col(ChangeRow.order_number))
    query = of_orders.where(ChangeRow.tenant == tx.access.tenant, visible_orders(tx), *late)
    return list(tx.exec(query.order_by(col(ChangeRow.created_at)).limit(limit)))


def drafts_ending(tx: TenantSession, until: datetime, limit: int) -> list[OrderRow]:
    """Return orders whose open draft expires before a time, earliest expiry first."""
    open_ = (col(OrderRow.draft_opened_by).is_not(None), col(OrderRow.expires_at) < until)
    query = select(OrderRow).where(visible_orders(tx), *open_)
    return list(tx.exec(query.order_by(col(OrderRow.expires_at)).limit(limit)))


def orders_reported_stuck(tx: TenantSession, limit: int, order: str | None = None) -> list[str]:
    """Return orders, or one order, whose last event reports a stuck step. The step may be done meanwhile."""
    last = and_(col(EventRow.order_number) == col(OrderRow.number), col(EventRow.number) == col(OrderRow.last_event))
    query = select(OrderRow.number).join(EventRow, last)
    query = query.where(visible_orders(tx), col(EventRow.type).in_(_ATTENTION_EVENTS))
    if order is not None:
        query = query.where(OrderRow.number == order)
    return list(tx.exec(query.order_by(col(EventRow.at).desc()).limit(limit)))


def last_attention_event(tx: TenantSession, order: str) -> EventRow | None:
    """Return an order's last needs_attention event, which names the step, the code and the change."""
    of_order = (EventRow.tenant == tx.access.tenant, EventRow.order_number == order)
    query = select(EventRow).where(*of_order, EventRow.type == EventType.NEEDS_ATTENTION)
    return tx.exec(query.order_by(col(EventRow.number).desc()).limit(1)).first()


def was_retried(tx: Session, order: str, since: EventRow) -> bool:
    """Whether an operator has requested a retry since an event."""
    later = (EventRow.order_number == order, col(EventRow.number) > since.number)
    retries = select(EventRow.number).where(*later, EventRow.type == EventType.RETRY_REQUESTED)
    return tx.exec(retries.limit(1)).first() is not None
