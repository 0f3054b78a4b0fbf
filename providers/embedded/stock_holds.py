"""Holds on units of products and supplements in our own database."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import bindparam
from sqlmodel import Session

from providers.embedded.hold_statements import delete_overdue, unit_reference
from providers.errors import NoStockLeftError
from providers.protocols import HeldUnit, StockRequest
from store.database.inserts import insert_all, table_of
from store.tables import ProductRow, StockHoldRow, SupplementRow

Numbered = Sequence[tuple[int, StockRequest]]
"""Requests, each with its first number among the seats and units of its key."""
Place = tuple[str, str]
"""An item, and the service or day."""

_HOLDS = table_of(StockHoldRow)
_OF_TENANT = _HOLDS.c.tenant == bindparam("of_tenant")


def _are_among(holds: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition by which SQLite finds rows in the primary key; by pairs it would read all rows."""
    items = holds.c.item.in_(bindparam("items", expanding=True))
    return items & holds.c.place.in_(bindparam("where", expanding=True))


def _at_places(holds: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition for holds at the pairs of item and place."""
    pairs = sa.tuple_(holds.c.item, holds.c.place).in_(bindparam("places", expanding=True))
    return (holds.c.tenant == bindparam("of_tenant")) & _are_among(holds) & pairs


AT_PLACES = _are_among(_HOLDS)


def _documents(row: type[ProductRow | SupplementRow]) -> sa.Select[Any]:
    table = table_of(row)
    has_id = table.c.id.in_(bindparam("items", expanding=True))
    return sa.select(table.c.id, table.c.document).where(table.c.tenant == bindparam("of_tenant"), has_id)


# Each statement is built once. An item is a product or a supplement.
_UNDER_KEY = sa.select(_HOLDS.c.reference).where(_OF_TENANT, _HOLDS.c.key == bindparam("of_key"))
_OVERDUE = delete_overdue(_HOLDS, _at_places)
_UNITS = sa.select(_HOLDS.c.item, _HOLDS.c.place, _HOLDS.c.unit).where(_OF_TENANT, AT_PLACES)
_ITEMS = (sa.union_all(_documents(ProductRow), _documents(SupplementRow)),)
_LOCKED_ITEMS = tuple(_documents(row).order_by("id").with_for_update() for row in (ProductRow, SupplementRow))


def place_of(request: StockRequest) -> Place:
    """Return the place of a request: its service, else its day."""
    if request.service:
        return request.item, request.service
    if request.day:
        return request.item, request.day.isoformat()
    raise ValueError("stock is held on a service or on a day")


def of_places(tenant: str, requests: Sequence[StockRequest]) -> dict[str, Any]:
    """Return the parameters of statements about the items and places of requests."""
    places = sorted({place_of(each) for each in requests})
    items, where = (sorted(set(each)) for each in zip(*places, strict=True)) if places else ([], [])
    return {"of_tenant": tenant, "items": items, "where": where, "places": places}


def capacities_in(documents: Iterable[Sequence[str]]) -> dict[str, int]:
    """Return the capacity of each item that has one, given the items' ids and catalogue documents."""
    capacities = {item: from_json(document).get("capacity") for item, document in documents}
    return {item: capacity for item, capacity in capacities.items() if capacity is not None}


def under_key(tx: Session, tenant: str, key: str, requests: Numbered) -> list[HeldUnit]:
    """Return the units held or sold under a key, given the requests of the key."""
    references = set(tx.connection().execute(_UNDER_KEY, {"of_tenant": tenant, "of_key": key}).scalars())
    units = [
        HeldUnit(unit_reference(key, number), request.item, request.service, request.day)
        for first, request in requests
        for number in range(first, first + request.count)
    ]
    return [unit for unit in units if unit.reference in references]


def hold(tx: Session, tenant: str, key: str, requests: Numbered, now: datetime, until: datetime) -> list[HeldUnit]:
    """Hold the units of requests. The services are locked already.

    Raises NoStockLeftError, and LookupError for an item without a capacity.
    """
    if not requests:
        return []
    stock = _Stock(tx, tenant, [request for _, request in requests], now)
    common = {"tenant": tenant, "key": key, "state": "held", "expires_at": until}
    held: list[HeldUnit] = []
    rows: list[dict[str, Any]] = []
    for first, request in requests:
        item, place = place_of(request)
        for number, unit in enumerate(stock.take(request), first):
            held.append(HeldUnit(unit_reference(key, number), item, request.service, request.day))
            numbered = {"unit": unit, "capacity": stock.capacities[item], "reference": held[-1].reference}
            rows.append({"item": item, "place": place} | numbered | common)
    insert_all(tx, StockHoldRow, rows)
    return held


class _Stock:
    """The units at the places of some requests, without overdue holds, and the capacities of the items."""

    def __init__(self, tx: Session, tenant: str, requests: Sequence[StockRequest], now: datetime) -> None:
        execute = tx.connection().execute
        parameters = of_places(tenant, requests)
        # Requests on a service wait for each other at the service; those on a day, at the item.
        statements = _ITEMS if all(request.service for request in requests) else _LOCKED_ITEMS
        self.capacities = capacities_in(row for each in statements for row in execute(each, parameters))
        execute(_OVERDUE, parameters | {"now": now})
        self._taken: dict[Place, set[int]] = defaultdict(set)
        for item, place, unit in execute(_UNITS, parameters):
            self._taken[item, place].add(unit)

    def take(self, request: StockRequest) -> list[int]:
        """Take the lowest free units. Held ones above the capacity count too: it may have been lowered meanwhile."""
        capacity, taken = self.capacities.get(request.item), self._taken[place_of(request)]
        if capacity is None:
            raise LookupError(f"{request.item} has no capacity in the embedded catalogue")
        if len(taken) + request.count > capacity:
            raise NoStockLeftError(request.item, request.service, request.day)
        units = list(islice((unit for unit in range(1, capacity + 1) if unit not in taken), request.count))
        taken.update(units)
        return units
