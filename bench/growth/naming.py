"""The number and ids of each copy of an order: a temporary table from which the copies are selected."""

import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    cast,
    func,
    insert,
    literal,
    select,
)

from bench.growth.template import Template

SEATS = 50
"""Seats in a coach of the departed trains on which the copies have seats."""
_IDS = 8

COPIES = Table(
    "copies",
    MetaData(),
    Column("number", String),
    Column("service", String),
    Column("seat", Integer),
    *(Column(f"id{each}", String) for each in range(_IDS)),
    prefixes=["TEMPORARY"],
)


class Naming:
    """Names this many copies of one order; the first has this number of the order counter."""

    def __init__(self, source: Template, first: int, orders: int) -> None:
        ids = {each: f"id{number}" for number, each in enumerate(source.ids)}
        self._columns = {source.number: "number", **dict.fromkeys(source.services, "service"), **ids}
        longest_first = sorted(self._columns, key=len, reverse=True)
        self._any = re.compile("({})".format("|".join(map(re.escape, longest_first))))
        self._year, self._first, self._orders = source.number.partition("-")[0], first, orders

    def name(self, connection: Connection, some: range) -> None:
        """Fill the table with the names of these copies only."""
        start = select(cast(some[0], BigInteger).label("n")).cte(recursive=True)
        series = start.union_all(select(start.c.n + 1).where(start.c.n < some[-1]))
        count = series.c.n
        # Ids ascend in the order of the copies, which makes filling fast, and are spread over all possible ids.
        before = _hex(connection, count * (2**32 // self._orders), 8)
        after = _hex(connection, count + self._first, 12)
        names = {
            "number": _joined([literal(f"{self._year}-"), cast(count + self._first, String)]),
            "service": _joined([literal(f"past-{self._first}-"), cast(count // SEATS, String)]),
            "seat": count % SEATS + 1,
            **{f"id{each}": _joined([before, literal(f"-{each:04x}-4000-8000-"), after]) for each in range(_IDS)},
        }
        # The table is created anew each time: deleted rows would be read again and again.
        COPIES.drop(connection, checkfirst=True)
        COPIES.create(connection)
        connection.execute(insert(COPIES).from_select(list(names), select(*names.values()).select_from(series)))

    def renamed(self, value: Any, column: Column[Any]) -> ColumnElement[Any]:
        """Return a value of the original as an expression over the table, with each copy's own names in it."""
        if not isinstance(value, str) or not self._any.search(value):
            return literal(value, column.type)
        parts = [part for part in self._any.split(value) if part]
        return _joined([COPIES.c[self._columns[part]] if part in self._columns else literal(part) for part in parts])


def _joined(parts: list[ColumnElement[Any]]) -> ColumnElement[Any]:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.concat(part)
    return whole


def _hex(connection: Connection, number: ColumnElement[int], digits: int) -> ColumnElement[str]:
    if connection.dialect.name == "sqlite":
        return func.printf(f"%0{digits}x", number)
    return func.lpad(func.to_hex(number), digits, "0")
