"""A store that is filled for a measurement is a store that could be."""

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


async def test_it_has_as_many_rows_as_is_claimed(world: World, fresh_database: str) -> None:
    made_from = await _sold(world)
    migrate(fresh_database)
    claimed = fill(fresh_database, made_from, COPIES)
    with _looking(fresh_database) as connection:
        assert claimed == {table: _count(connection, table) for table in claimed}
    expected = {table: count * COPIES for table, count in made_from.counts.items()}
    assert {table: count for table, count in claimed.items() if table in expected} == expected
    assert (claimed["seats"], claimed["services"]) == (2 * COPIES, 2)
    assert min(count for table, count in expected.items() if table != "order_fees") == COPIES


async def test_its_books_are_right_and_every_reference_holds(world: World, fresh_database: str) -> None:
    made_from = await _sold(world)
    migrate(fresh_database)
    fill(fresh_database, made_from, COPIES)
    books = check(fresh_database)
    assert books.left_out == ()
    with _looking(fresh_database) as connection:
        for table in SQLModel.metadata.sorted_tables:
            for key in table.foreign_keys:
                column, other = key.parent.name, key.column
                lost = f"SELECT COUNT(*) FROM {table} x WHERE NOT EXISTS (SELECT 1 FROM {other.table} y"  # noqa: S608 - names of our own
                query = f"{lost} WHERE y.{other.name} = x.{column})"
                assert connection.execute(text(query)).scalar_one() == 0, (table.name, column)


async def test_a_copy_is_the_order_under_its_own_names(world: World, fresh_database: str) -> None:
    made_from = await _sold(world)
    migrate(fresh_database)
    fill(fresh_database, made_from, COPIES)
    store = Store(fresh_database)
    with store.write() as tx:  # a snapshot locks
        copy = template(tx, f"{made_from.number[:2]}-100041")
        assert copy.counts == made_from.counts
        assert not set(copy.ids) & set(made_from.ids)
        assert len(copy.ids) == len(made_from.ids)
        old_names = (made_from.number, *made_from.ids, *made_from.services)
        for rows in copy.rows.values():
            for row in rows:
                assert not [name for name in old_names for value in row.values() if name in str(value)]
        for kind in (OrderRow, LineRow, EventRow):
            for row, original in zip(copy.rows[kind], made_from.rows[kind], strict=True):
                same = {"price_minor", "valid_from", "type", "at", "created_at", "version", "tax_rate"}
                assert {k: row[k] for k in same & set(row)} == {k: original[k] for k in same & set(row)}
        seats = {(row["service"], row["coach"], row["seat"]) for row in copy.rows[ReservationRow]}
        assert len(seats) == 2
        assert snapshot(tx, copy.number)
    store.close()


async def test_the_next_order_gets_the_next_number_and_a_second_filling_fits(world: World, fresh_database: str) -> None:
    made_from = await _sold(world)
    migrate(fresh_database)
    fill(fresh_database, made_from, COPIES)
    fill(fresh_database, made_from, COPIES)
    store = Store(fresh_database)
    with store.write() as tx:
        assert next_order_number(tx, "default", store.now()).endswith(str(100_000 + 2 * COPIES))
    store.close()
    assert check(fresh_database).left_out == ()


async def test_indexes_and_constraints_are_there_again(world: World, fresh_database: str) -> None:
    made_from = await _sold(world)
    migrate(fresh_database)
    before = _schema(fresh_database)
    assert len(before) > 20
    fill(fresh_database, made_from, COPIES)
    assert _schema(fresh_database) == before


def test_no_chunk_begins_in_the_middle_of_a_coach() -> None:
    assert AT_ONCE % naming.SEATS == 0


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one())  # noqa: S608 - our own


@contextmanager
def _looking(url: str) -> Iterator[Connection]:
    engine = create_engine(database_url(url))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _schema(url: str) -> list[str]:
    asked = {
        "sqlite": ["SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name"],
        "postgresql": [
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
            "SELECT conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0 ORDER BY 1",
        ],
    }
    with _looking(url) as connection:
        queries = asked[connection.dialect.name]
        return [line for query in queries for line in connection.execute(text(query)).scalars()]
