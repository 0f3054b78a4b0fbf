"""Orders as lists: the latest, and those a text names. Every list has an end."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import col, or_, select, tuple_

from domain.orders import OrderStatus
from store.database.tenant_session import TenantSession
from store.orders.orders import visible_orders
from store.tables import ChangeRow, OrderRow

LONGEST_NAME, LONGEST_ID = 100, 64
"""How long an external reference, and any other id, can be; what is longer names nothing."""


@dataclass(frozen=True)
class Filter:
    """Which orders are listed: of a status, with an open draft, older than an order."""

    status: OrderStatus | None = None
    draft_open: bool = False
    before: str | None = None


def latest_orders(tx: TenantSession, wanted: Filter, limit: int) -> list[OrderRow]:
    """Return orders, the latest first."""
    query = select(OrderRow).where(visible_orders(tx), col(OrderRow.abandoned).is_(False))
    if wanted.status:
        query = query.where(OrderRow.status == wanted.status)
    if wanted.draft_open:
        query = query.where(col(OrderRow.draft_opened_by).is_not(None))
    place = (col(OrderRow.created_at), col(OrderRow.number))
    if wanted.before:
        at = select(OrderRow.created_at).where(visible_orders(tx), OrderRow.number == wanted.before)
        query = query.where(tuple_(*place) < tuple_(at.scalar_subquery(), wanted.before))
    return list(tx.exec(query.order_by(place[0].desc(), place[1].desc()).limit(limit)))


def orders_named(tx: TenantSession, text: str, limit: int) -> list[OrderRow]:
    """Return the orders that an external reference, a correlation id or a change's id names, latest first."""
    if "\0" in text or len(text) > LONGEST_NAME:
        return []
    named = [col(OrderRow.external_reference) == text]
    if len(text) <= LONGEST_ID:
        changed = select(ChangeRow.order_number).where(ChangeRow.tenant == tx.reach.tenant)
        asked = changed.where(ChangeRow.correlation_id == text).union(changed.where(ChangeRow.id == text))
        named.append(col(OrderRow.number).in_(asked))
    query = select(OrderRow).where(visible_orders(tx), col(OrderRow.abandoned).is_(False), or_(*named))
    return list(tx.exec(query.order_by(col(OrderRow.created_at).desc(), col(OrderRow.number).desc()).limit(limit)))


def visible_among(tx: TenantSession, numbers: Iterable[str]) -> list[str]:
    """Return those of some orders that are within reach and can be seen."""
    wanted = set(numbers)
    seen = (visible_orders(tx), col(OrderRow.abandoned).is_(False))
    query = select(OrderRow.number).where(*seen, col(OrderRow.number).in_(wanted))
    return sorted(tx.exec(query)) if wanted else []
