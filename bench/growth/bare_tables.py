"""Drops indexes and constraints of PostgreSQL's tables while they are filled, which is several times as fast.

Afterwards it creates them again, and the database checks every reference. SQLite gains nothing by it and cannot drop a
constraint.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Engine, text

from bench.growth.threads import in_threads

_CONSTRAINTS = text(
    "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),"
    " format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))"
    " FROM pg_constraint WHERE contype = ANY(:kinds) AND (conrelid::regclass::text = ANY(:tables)"
    " OR confrelid <> 0 AND confrelid::regclass::text = ANY(:tables))"
)
_INDEXES = text(
    "SELECT format('DROP INDEX %I', i.indexname), i.indexdef FROM pg_indexes i WHERE i.tablename = ANY(:tables)"
    " AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname)"
)
_REFERENCES, _KEYS = ["f"], ["u", "p"]


@contextmanager
def bare(engine: Engine, tables: Sequence[str]) -> Iterator[None]:
    """Drop indexes and constraints of tables; create them again when the block ends without an exception."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect() as connection:
        references = connection.execute(_CONSTRAINTS, {"tables": tables, "kinds": _REFERENCES}).all()
        keys = connection.execute(_CONSTRAINTS, {"tables": tables, "kinds": _KEYS}).all()
        indexes = connection.execute(_INDEXES, {"tables": tables}).all()
        for off, _ in (*references, *keys, *indexes):
            connection.exec_driver_sql(off)
    yield
    in_threads([statement_runner(engine, on) for _, on in (*keys, *indexes)])
    # References need the keys, and two at once would lock each other's tables.
    for _, on in references:
        statement_runner(engine, on)()


def statement_runner(engine: Engine, statement: str) -> Callable[[], None]:
    """Return a function that runs a statement in its own transaction."""

    def run() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    return run
