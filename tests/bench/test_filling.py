"""A store that is filled for a measurement is consistent, like one filled by real sales."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlmodel import SQLModel

from bench.growth import naming
from bench.growth.filling import AT_ONCE, fill
from bench.growth.invariant_check import check
from bench.growth.template import Template, template
from store.database.connections import database_url
from store.database.migrate import migrate
from store.database.store import Store
from store.orders.order_numbers import next_order_number
from store.orders.snapshot import snapshot
from store.tables import EventRow, LineRow, OrderRow, ReservationRow
from tests.support.canary import ADULT, CHILD
from tests.support.world import World

COPIES = 60
"""More than there are seats in a coach."""


async def _sold(world: World) -> Template:
    order = await world.sold(ADULT, CHILD)
    with world.components.store.read() as tx:
        return template(tx, order)


async def test_a_filled_store_has_as_many_rows_as_reported(world: World, fresh_database: str) -> None:
    source = await _sold(world)
    migrate(fresh_database)
    reported = fill(fresh_database, source, COPIES)
    with _connected(fresh_database) as connection:
        assert reported == {table: _count(connection, table) for table in reported}
    expected = {table: count * COPIES for table, count in source.counts.items()}
    assert {table: count for table, count in reported.items() if table in expected} == expected
    assert (reported["seats"], reported["services"]) == (2 * COPIES, 2)
    assert min(count for table, count in expected.items() if table != "order_fees") == COPIES


async def test_all_invariants_and_references_hold_in_a_filled_store(world: World, fresh_database: str) -> None:
    source = await _sold(world)
    migrate(fresh_database)
    fill(fresh_database, source, COPIES)
    assert check(fresh_database).left_out == ()
    with _connected(fresh_database) as connection:
        for table in SQLModel.metadata.sorted_tables:
            for key in table.foreign_keys:
                column, other = key.parent.name, key.column
                orphans = f"SELECT COUNT(*) FROM {table} x WHERE NOT EXISTS (SELECT 1 FROM {other.table} y"  # noqa: S608 - names of our own
                query = f"{orphans} WHERE y.{other.name} = x.{column})"
                assert connection.execute(text(query)).scalar_one() == 0, (table.name, column)


async def test_a_copy_is_the_order_under_its_own_names(world: World, fresh_database: str) -> None:
    source = await _sold(world)
    migrate(fresh_database)
    fill(fresh_database, source, COPIES)
    store = Store(fresh_database)
    with store.write() as tx:  # a snapshot locks
        copy = template(tx, f"{source.number[:2]}-100041")
        assert copy.counts == source.counts
        assert not set(copy.ids) & set(source.ids)
        assert len(copy.ids) == len(source.ids)
        old_names = (source.number, *source.ids, *source.services)
        for rows in copy.rows.values():
            for row in rows:
                assert not [name for name in old_names for value in row.values() if name in str(value)]
        for kind in (OrderRow, LineRow, EventRow):
            for row, original in zip(copy.rows[kind], source.rows[kind], strict=True):
                same = {"price_minor", "valid_from", "type", "at", "created_at", "version", "tax_rate"}
                assert {k: row[k] for k in same & set(row)} == {k: original[k] for k in same & set(row)}
        seats = {(row["service"], row["coach"], row["seat"]) for row in copy.rows[ReservationRow]}
        assert len(seats) == 2
        assert snapshot(tx, copy.number)
    store.close()


async def test_the_next_order_gets_the_next_number_and_a_second_filling_fits(world: World, fresh_database: str) -> None:
    source = await _sold(world)
    migrate(fresh_database)
    fill(fresh_database, source, COPIES)
    fill(fresh_database, source, COPIES)
    store = Store(fresh_database)
    with store.write() as tx:
        assert next_order_number(tx, "default", store.now()).endswith(str(100_000 + 2 * COPIES))
    store.close()
    assert check(fresh_database).left_out == ()


async def test_indexes_and_constraints_are_restored(world: World, fresh_database: str) -> None:
    source = await _sold(world)
    migrate(fresh_database)
    before = _schema(fresh_database)
    assert len(before) > 20
    fill(fresh_database, source, COPIES)
    assert _schema(fresh_database) == before


def test_no_chunk_begins_in_the_middle_of_a_coach() -> None:
    assert AT_ONCE % naming.SEATS == 0


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one())  # noqa: S608 - our own


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(database_url(url))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _schema(url: str) -> list[str]:
    queries_by_dialect = {
        "sqlite": ["SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name"],
        "postgresql": [
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
            "SELECT conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0 ORDER BY 1",
        ],
    }
    with _connected(url) as connection:
        queries = queries_by_dialect[connection.dialect.name]
        return [line for query in queries for line in connection.execute(text(query)).scalars()]
