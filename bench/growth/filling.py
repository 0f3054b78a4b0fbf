"""Fills a store with copies of one sold order, by plain SQL on both databases.

A copy has its own number, ids and seat in every column and document in which the original has its own, on a train that
has departed. Its times are those of the original.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, insert, literal, select
from sqlmodel import SQLModel, create_engine

from bench.growth.bare_tables import bare, statement_runner
from bench.growth.naming import COPIES, Naming
from bench.growth.template import Template
from bench.growth.threads import in_threads
from store.database.column_types import UtcDateTime
from store.database.connections import database_url
from store.database.inserts import insert_if_absent, table_of
from store.database.store import Store
from store.orders.order_numbers import FIRST
from store.tables import CounterRow, LineRow, ReservationRow, SeatHoldRow, SeatRow, ServiceRow

AT_ONCE = 20_000
"""Copies inserted in one transaction."""
_LONG_AGO = timedelta(days=365)
_COUNTED = {"preserve_rowcount": True}
_SEATED = (table_of(ReservationRow), table_of(SeatHoldRow))
_FAST = {
    "postgresql": {"options": "-c synchronous_commit=off -c maintenance_work_mem=256MB"},
    "sqlite": {"check_same_thread": False},
}


def fill(url: str, source: Template, orders: int) -> dict[str, int]:
    """Add this many copies; return the number of rows added, by table."""
    naming = Naming(source, _numbers(url, orders), orders)
    kinds: list[type[SQLModel]] = [*source.rows, SeatRow, ServiceRow]
    tables = [table_of(each).name for each in kinds]
    address = database_url(url)
    backend = address.get_backend_name()
    engine = create_engine(address, isolation_level="AUTOCOMMIT", connect_args=_FAST[backend])
    parts = [range(start, min(start + AT_ONCE, orders)) for start in range(0, orders, AT_ONCE)]
    with bare(engine, tables):
        acts = [partial(_fill, engine, source, naming, part) for part in parts]
        added = in_threads(acts, 2 if backend == "postgresql" else 1)
    # Run now what the database would otherwise run by itself later, during the measurement. PostgreSQL analyses its
    # tables by itself. SQLite never does, nor does our code, so SQLite is measured without ANALYZE.
    if backend == "postgresql":
        in_threads([statement_runner(engine, f"VACUUM (ANALYZE) {table}") for table in tables])
        statement_runner(engine, "CHECKPOINT")()
    else:
        statement_runner(engine, "PRAGMA wal_checkpoint(TRUNCATE)")()
    engine.dispose()
    return {table: sum(each[table] for each in added) for table in tables}


def _fill(engine: Engine, source: Template, naming: Naming, part: range) -> Counter[str]:
    added: Counter[str] = Counter()
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        naming.name(connection, part)
        for table, count in _copy(connection, source, naming):
            added[table] += count
        connection.exec_driver_sql("COMMIT")
    return added


def _numbers(url: str, orders: int) -> int:
    """Reserve this many numbers of the order counter, and return the first."""
    store = Store(url)
    with store.write() as tx:
        insert_if_absent(tx, CounterRow(tenant="default", name="orders", value=FIRST - 1))
        row = tx.get_one(CounterRow, "orders", with_for_update=True)
        first, row.value = row.value + 1, row.value + orders
        tx.add(row)
    store.close()
    return first


def _copy(connection: Connection, source: Template, naming: Naming) -> Iterator[tuple[str, int]]:
    for kind, rows in source.rows.items():
        table = table_of(kind)
        for number, row in enumerate(rows, start=1):
            values = {name: naming.renamed(value, table.c[name]) for name, value in row.items()}
            if table in _SEATED:
                values |= {"coach": literal(number), "seat": COPIES.c.seat}
            yield table.name, _insert(connection, table, values)
            if table is table_of(ReservationRow):
                yield from _insert_seats(connection, source, number)


def _insert_seats(connection: Connection, source: Template, coach: int) -> Iterator[tuple[str, int]]:
    """Add the seats and services of the copies to the inventory."""
    line = source.rows[LineRow][0]
    common = {"tenant": literal(line["tenant"])}
    position = {"coach": literal(coach), "seat": COPIES.c.seat, "row": COPIES.c.seat // 4, "attributes": literal("[]")}
    yield "seats", _insert(connection, table_of(SeatRow), {**common, **position, "service": COPIES.c.service})
    if coach == 1:
        left = line["valid_from"] - _LONG_AGO
        services: dict[str, ColumnElement[Any]] = {
            "id": COPIES.c.service,
            "railway_line": literal("past"),
            "departs_at": literal(left, UtcDateTime()),
            "day": literal(left.date()),
            **common,
        }
        yield "services", _insert(connection, table_of(ServiceRow), services, COPIES.c.seat == 1)


def _insert(
    connection: Connection, table: Table, values: Mapping[str, ColumnElement[Any]], *only: ColumnElement[bool]
) -> int:
    chosen = select(*values.values()).select_from(COPIES).where(*only)
    done = connection.execute(insert(table).from_select(list(values), chosen), execution_options=_COUNTED)
    return done.rowcount
