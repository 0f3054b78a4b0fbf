"""Migrations create exactly the schema that the rows declare, and can be downgraded completely."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect
from sqlmodel import SQLModel

from store.database.connections import database_url
from store.database.migrate import config, migrate


def test_the_schema_is_what_the_rows_declare(fresh_database: str) -> None:
    migrate(fresh_database)
    engine = create_engine(database_url(fresh_database))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        difference = compare_metadata(context, SQLModel.metadata)
    engine.dispose()
    assert [each for each in difference if "sample" not in str(each)] == []


def test_migrating_twice_changes_nothing_and_everything_can_be_downgraded(fresh_database: str) -> None:
    migrate(fresh_database)
    migrate(fresh_database)
    command.downgrade(config(fresh_database), "base")
    engine = create_engine(database_url(fresh_database))
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    engine.dispose()
    migrate(fresh_database)


def test_every_row_has_its_tenant() -> None:
    tables = [table for name, table in SQLModel.metadata.tables.items() if name != "sample"]
    assert tables
    assert all("tenant" in table.columns for table in tables)
