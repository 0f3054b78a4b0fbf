"""Migrates a database to the current schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import ProgrammingError

from store.database.connections import database_url
from store.database.tenant_session import ROLE


class RoleMissingError(Exception):
    """PostgreSQL's login may neither create nor assume the role that tenant sessions use."""

    def __init__(self) -> None:
        super().__init__(f"Not migrated: have a superuser CREATE ROLE {ROLE} NOLOGIN, and GRANT it to the login.")


def config(url: str) -> Config:
    """Return Alembic's configuration for a database."""
    options = Config()
    options.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    # Alembic reads the option as an ini value, in which a percent sign must be doubled.
    options.set_main_option(
        "sqlalchemy.url", database_url(url).render_as_string(hide_password=False).replace("%", "%%")
    )
    return options


def migrate(url: str, revision: str = "head") -> None:
    """Migrate a database to a revision and create a missing SQLite file. Raises RoleMissingError."""
    try:
        command.upgrade(config(url), revision)
    except ProgrammingError as error:
        if ROLE in str(error.orig):
            raise RoleMissingError from error
        raise
