"""Inserts without the ORM, whose unit of work costs seven times as much as the statement.

The conditional insert is the only statement that needs a dialect of its own for SQLite and PostgreSQL.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Insert, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel


def table_of(row: type[SQLModel]) -> Table:
    """Return the table of a row class, for frequent statements that are built once without the ORM."""
    table: Table = row.metadata.tables[str(row.__tablename__)]
    return table


class ConditionalInsert:
    """Inserts a row unless one with its key exists; the statement is built once for each dialect.

    Columns named in `computed` get the value of that expression. On PostgreSQL the second of two
    concurrent inserts waits until the first commits; SQLite has one writer anyway.
    """

    def __init__(self, row: type[SQLModel], **computed: ColumnElement[int]) -> None:
        self._statements = {
            name: dialect.insert(table_of(row)).values(computed).on_conflict_do_nothing().returning(1)
            for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
        }

    def run(self, tx: Session, values: Mapping[str, Any]) -> bool:
        """Insert the row; return whether it was inserted."""
        statement = self._statements[tx.get_bind().dialect.name]
        return tx.connection().execute(statement, values).first() is not None


def insert_if_absent(tx: Session, row: SQLModel) -> bool:
    """Insert a row unless one with its key exists; return whether it was inserted."""
    return _plain(type(row)).run(tx, row.model_dump())


def insert_all(tx: Session, row: type[SQLModel], values: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of one class from mappings: building an object for each row costs as much as inserting it."""
    if values:
        tx.connection().execute(_insert(row), values)


@cache
def _insert(row: type[SQLModel]) -> Insert:
    return insert(table_of(row))


@cache
def _plain(row: type[SQLModel]) -> ConditionalInsert:
    return ConditionalInsert(row)
