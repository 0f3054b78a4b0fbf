"""Brings a database to the present schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from store.database.connections import database_url


def config(url: str) -> Config:
    """Return Alembic's configuration for a database."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    # Alembic reads the option as an ini value, in which a percent sign is special.
    made.set_main_option("sqlalchemy.url", database_url(url).render_as_string(hide_password=False).replace("%", "%%"))
    return made


def migrate(url: str, revision: str = "head") -> None:
    """Migrate a database, creating a SQLite file that is not there."""
    command.upgrade(config(url), revision)
