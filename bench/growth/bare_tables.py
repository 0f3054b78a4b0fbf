"""Tables without their indexes and constraints while they are filled, on PostgreSQL: several times as fast.

They are the same tables again afterwards, and the database has checked every reference anew. SQLite gains nothing
by it, nor can it drop a constraint.
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
    """Take everything off tables that makes filling them slow; put it back when the block has ended well."""
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
    in_threads([doing(engine, on) for _, on in (*keys, *indexes)])
    # References need the keys, and two at once would lock each other's tables.
    for _, on in references:
        doing(engine, on)()


def doing(engine: Engine, statement: str) -> Callable[[], None]:
    """Return an act that runs a statement in a transaction of its own."""

    def act() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    return act
