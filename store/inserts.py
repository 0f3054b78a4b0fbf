"""Insert unless it is there: the one statement SQLite and PostgreSQL spell in their own dialects."""

from sqlalchemy import ColumnElement
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel


def insert_if_absent(tx: Session, row: SQLModel, **computed: ColumnElement[int]) -> bool:
    """Insert a row unless one with its key exists; return whether it was inserted.

    Columns named in `computed` get the value of that expression. PostgreSQL lets the second of two
    wait until the first commits; SQLite has one writer anyway.
    """
    values = row.model_dump() | computed
    insert = postgresql.insert if tx.get_bind().dialect.name == "postgresql" else sqlite.insert
    found = tx.execute(insert(type(row)).values(values).on_conflict_do_nothing().returning(1))
    return found.first() is not None
