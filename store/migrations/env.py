"""Alembic's environment: the connection and the metadata to compare with."""

from alembic import context
from sqlalchemy import create_engine
from sqlmodel import SQLModel

import store.tables  # noqa: F401 - importing the rows registers them in the metadata


def run() -> None:
    """Run migrations in one transaction."""
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
    try:
        with engine.connect() as connection:
            context.configure(
                connection=connection,
                target_metadata=SQLModel.metadata,
                render_as_batch=True,
                compare_type=False,
            )
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


run()
