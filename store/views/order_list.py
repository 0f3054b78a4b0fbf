"""Lists of orders: the latest, and those that a search text names. Every list is limited."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select, tuple_

from domain.orders import OrderStatus
from store.database.tenant_session import TenantSession
from store.orders.orders import visible_orders
from store.tables import ChangeRow, OrderRow

MAX_ID, MAX_REFERENCE, MAX_CORRELATION_ID = 64, 100, 256
"""Maximum lengths of what a search text may name; a longer text matches nothing of the kind."""


@dataclass(frozen=True)
class Filter:
    """Which orders are listed: by status, with an open draft, older than a given order."""

    status: OrderStatus | None = None
    draft_open: bool = False
    before: str | None = None


def latest_orders(tx: TenantSession, list_filter: Filter, limit: int) -> list[OrderRow]:
    """Return the orders that match a filter, latest first."""
    query = select(OrderRow).where(visible_orders(tx), col(OrderRow.abandoned).is_(False))
    if list_filter.status:
        query = query.where(OrderRow.status == list_filter.status)
    if list_filter.draft_open:
        query = query.where(col(OrderRow.draft_opened_by).is_not(None))
    sort_key = (col(OrderRow.created_at), col(OrderRow.number))
    if list_filter.before:
        at = select(OrderRow.created_at).where(visible_orders(tx), OrderRow.number == list_filter.before)
        query = query.where(tuple_(*sort_key) < tuple_(at.scalar_subquery(), list_filter.before))
    return list(tx.exec(query.order_by(sort_key[0].desc(), sort_key[1].desc()).limit(limit)))


def orders_named(tx: TenantSession, text: str, limit: int) -> list[OrderRow]:
    """Return the orders with an external reference, correlation id or change id equal to a text, latest first."""
    if "\0" in text or len(text) > MAX_CORRELATION_ID:
        return []
    changes = select(ChangeRow.order_number).where(ChangeRow.tenant == tx.access.tenant)
    correlated = col(OrderRow.number).in_(changes.where(ChangeRow.correlation_id == text))
    conditions: list[ColumnElement[bool]] = [correlated]
    if len(text) <= MAX_ID:
        conditions.append(col(OrderRow.number).in_(changes.where(ChangeRow.id == text)))
    if len(text) <= MAX_REFERENCE:
        conditions.append(col(OrderRow.external_reference) == text)
    query = select(OrderRow).where(visible_orders(tx), col(OrderRow.abandoned).is_(False), or_(*conditions))
    return list(tx.exec(query.order_by(col(OrderRow.created_at).desc(), col(OrderRow.number).desc()).limit(limit)))


def visible_among(tx: TenantSession, numbers: Iterable[str]) -> list[str]:
    """Return those of some orders that exist and that the session may see."""
    requested = set(numbers)
    visible = (visible_orders(tx), col(OrderRow.abandoned).is_(False))
    query = select(OrderRow.number).where(*visible, col(OrderRow.number).in_(requested))
    return sorted(tx.exec(query)) if requested else []
