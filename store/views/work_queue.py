"""The operators' work queue from the database: overdue requests, ending drafts, stuck steps, refunds owed, disputes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, and_, col, func, select

from domain.money import Money
from domain.provider_events import DisputeState
from domain.settlement import MoveKind
from store.database.tenant_session import TenantSession
from store.orders.events import EventType
from store.orders.orders import visible_orders
from store.tables import ChangeRow, DisputeRow, EventRow, LedgerRow, OrderRow, PaymentRow

_ATTENTION_EVENTS = (EventType.NEEDS_ATTENTION, EventType.RETRY_REQUESTED, EventType.DONE_BY_HAND_STATED)


@dataclass(frozen=True)
class RefundOwed:
    """What an order owes its customer because no card took the refund."""

    order: str
    amount: Money
    change: str
    """The latest change whose refund no card took whole."""
    since: datetime


def refunds_owed(tx: TenantSession, limit: int, order: str | None = None) -> list[RefundOwed]:
    """Return what orders, or one order, owe their customers, longest owed first."""
    unpaid = col(PaymentRow.refund_owed_minor) > col(PaymentRow.paid_out_minor)
    amount = func.sum(PaymentRow.refund_owed_minor - PaymentRow.paid_out_minor)
    query = select(OrderRow.number, OrderRow.currency, amount).join(
        PaymentRow, col(PaymentRow.order_number) == col(OrderRow.number)
    )
    query = query.where(visible_orders(tx), PaymentRow.tenant == tx.access.tenant, unpaid)
    if order is not None:
        query = query.where(OrderRow.number == order)
    rows = tx.exec(query.group_by(col(OrderRow.number), col(OrderRow.currency)).limit(limit)).all()
    entries = _last_owed(tx, [number for number, _, _ in rows])
    found = [
        RefundOwed(number, Money(int(minor), currency), entries[number].change, entries[number].at)
        for number, currency, minor in rows
    ]
    return sorted(found, key=lambda each: each.since)


def open_disputes(tx: TenantSession, limit: int, order: str | None = None) -> list[DisputeRow]:
    """Return the open disputes of orders, or of one order, the longest open first."""
    query = select(DisputeRow).join(OrderRow, col(OrderRow.number) == col(DisputeRow.order_number))
    query = query.where(
        visible_orders(tx), DisputeRow.tenant == tx.access.tenant, DisputeRow.state == DisputeState.OPEN
    )
    if order is not None:
        query = query.where(OrderRow.number == order)
    return list(tx.exec(query.order_by(col(DisputeRow.opened_at), col(DisputeRow.id)).limit(limit)))


def _last_owed(tx: TenantSession, orders: Sequence[str]) -> dict[str, LedgerRow]:
    owed_for = (col(LedgerRow.order_number).in_(orders), LedgerRow.kind == MoveKind.OWE)
    rows = tx.exec(select(LedgerRow).where(*owed_for).order_by(col(LedgerRow.at), col(LedgerRow.key)))
    return {row.order_number: row for row in rows}


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
