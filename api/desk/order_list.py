"""The list of the latest orders, and search by order number, external reference, correlation id or change id."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.context import ApiContext
from api.services.read_order import is_number
from domain.orders import OrderStatus
from store.database.tenant_session import TenantSession
from store.orders.orders import find
from store.tables import OrderRow
from store.views.order_list import Filter, latest_orders, orders_named

PAGE = 25
_STATUSES = frozenset(str(each) for each in OrderStatus)


class Show(StrEnum):
    """Which orders are listed."""

    ALL = "all"
    OPEN = "open"
    DRAFT = "draft"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ListQuery(BaseModel):
    """Query parameters of the order list; unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore")

    q: Annotated[str, Field(max_length=300)] = ""
    show: Show = Show.ALL
    before: Annotated[str | None, Field(max_length=20)] = None


@dataclass(frozen=True)
class OrderList:
    """A page of orders."""

    orders: Sequence[OrderRow]
    older: str | None = None
    """Number of the last order on this page; the next page begins after it. None on the last page."""
    only: str | None = None
    """Number of the only order found; the client is redirected to its page."""


def find_orders(ctx: ApiContext, query: ListQuery) -> OrderList:
    """Return one page of the latest orders, or of the orders that match the search text."""
    text = query.q.strip()
    with ctx.store.read() as tx:
        return _search(tx, text) if text else _latest(tx, query)


def _search(tx: TenantSession, text: str) -> OrderList:
    if is_number(text):
        order_row = find(tx, text)
        return OrderList([], only=order_row.number if order_row else None)
    rows = orders_named(tx, text, PAGE)
    return OrderList(rows, only=rows[0].number if len(rows) == 1 else None)


def _latest(tx: TenantSession, query: ListQuery) -> OrderList:
    status = OrderStatus(query.show) if query.show in _STATUSES else None
    before = query.before if query.before and is_number(query.before) else None
    list_filter = Filter(status, draft_open=query.show is Show.OPEN, before=before)
    rows = latest_orders(tx, list_filter, PAGE + 1)
    return OrderList(rows[:PAGE], older=rows[PAGE - 1].number if len(rows) > PAGE else None)
