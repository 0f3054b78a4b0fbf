"""The latest orders, and finding one by whatever names it."""

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
    """What the address of the list asks for; what it does not know it leaves alone."""

    model_config = ConfigDict(extra="ignore")

    q: Annotated[str, Field(max_length=200)] = ""
    show: Show = Show.ALL
    before: Annotated[str | None, Field(max_length=20)] = None


@dataclass(frozen=True)
class OrderList:
    """A page of orders."""

    orders: Sequence[OrderRow]
    older: str | None = None
    """The order behind which the next page begins."""
    only: str | None = None
    """The order that a number names: it is shown at once."""


def find_orders(ctx: ApiContext, query: ListQuery) -> OrderList:
    """Return the page asked for."""
    text = query.q.strip()
    with ctx.store.read() as tx:
        return _named(tx, text) if text else _latest(tx, query)


def _named(tx: TenantSession, text: str) -> OrderList:
    if is_number(text):
        head = find(tx, text)
        return OrderList([], only=head.number if head else None)
    rows = orders_named(tx, text, PAGE)
    return OrderList(rows, only=rows[0].number if len(rows) == 1 else None)


def _latest(tx: TenantSession, query: ListQuery) -> OrderList:
    status = OrderStatus(query.show) if query.show in _STATUSES else None
    before = query.before if query.before and is_number(query.before) else None
    wanted = Filter(status, draft_open=query.show is Show.OPEN, before=before)
    rows = latest_orders(tx, wanted, PAGE + 1)
    return OrderList(rows[:PAGE], older=rows[PAGE - 1].number if len(rows) > PAGE else None)
