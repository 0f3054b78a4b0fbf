"""The latest orders, and finding one by whatever names it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.context import ApiParts
from api.services.read_order import is_number
from domain.orders import OrderStatus
from store.database.tenant_session import Scoped
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


class Asked(BaseModel):
    """What the address of the list asks for; what it does not know it leaves alone."""

    model_config = ConfigDict(extra="ignore")

    q: Annotated[str, Field(max_length=200)] = ""
    show: Show = Show.ALL
    before: Annotated[str | None, Field(max_length=20)] = None


@dataclass(frozen=True)
class Found:
    """A page of orders."""

    orders: Sequence[OrderRow]
    older: str | None = None
    """The order behind which the next page begins."""
    only: str | None = None
    """The order that a number names: it is shown at once."""


def found(made: ApiParts, asked: Asked) -> Found:
    """Return the page asked for."""
    text = asked.q.strip()
    with made.store.read() as tx:
        return _named(tx, text) if text else _latest(tx, asked)


def _named(tx: Scoped, text: str) -> Found:
    if is_number(text):
        head = find(tx, text)
        return Found([], only=head.number if head else None)
    rows = orders_named(tx, text, PAGE)
    return Found(rows, only=rows[0].number if len(rows) == 1 else None)


def _latest(tx: Scoped, asked: Asked) -> Found:
    status = OrderStatus(asked.show) if asked.show in _STATUSES else None
    before = asked.before if asked.before and is_number(asked.before) else None
    wanted = Filter(status, draft_open=asked.show is Show.OPEN, before=before)
    rows = latest_orders(tx, wanted, PAGE + 1)
    return Found(rows[:PAGE], older=rows[PAGE - 1].number if len(rows) > PAGE else None)
