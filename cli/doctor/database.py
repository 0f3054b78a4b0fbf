"""Checks the database: whether it answers, has our schema, and agrees with our clock."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from cli.doctor.clocks import RemoteTime, compare_clock
from cli.doctor.findings import Finding, bad, note, ok
from cli.doctor.target import Target
from store.database.connections import database_url
from store.database.migrate import config
from store.database.store import utc_now

CONNECT_SECONDS = 5


def examine(target: Target) -> Iterator[Finding]:
    """Check the database."""
    url = database_url(target.database)
    shown = url.render_as_string(hide_password=True)
    is_file = url.get_backend_name() == "sqlite"
    if is_file and not Path(url.database or "").exists():
        missing = f"no database {shown}"
        yield (
            bad(missing, _migrate_command(target))
            if target.own_database
            else note(missing, "`./changeover up` creates it")
        )
        return
    engine = create_engine(url, connect_args={} if is_file else {"connect_timeout": CONNECT_SECONDS})
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            remote_time = None if is_file else _time(connection)
    except SQLAlchemyError as error:
        yield bad(f"database {shown} cannot be read ({type(error).__name__})", "check CHANGEOVER_DATABASE")
        return
    finally:
        engine.dispose()
    yield _schema(target, shown, current)
    if remote_time is not None:
        yield compare_clock("the database", remote_time)


def _time(connection: Connection) -> RemoteTime:
    sent_at = utc_now()
    remote: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return RemoteTime(remote, sent_at, utc_now())


def _schema(target: Target, shown: str, current: str | None) -> Finding:
    scripts = ScriptDirectory.from_config(config(target.database))
    newest = scripts.get_current_head()
    if current == newest:
        return ok(f"database {shown} at schema {current}")
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        return bad(f"database at schema {current}, which this Changeover does not know", "run the newer Changeover")
    return bad(f"database at schema {current or 'none'}, {newest} is needed", _migrate_command(target))


def _migrate_command(target: Target) -> str:
    # The environment already holds the URL of its own database, which may contain a password.
    setting = "" if target.own_database else f"CHANGEOVER_DATABASE={target.database} "
    return f"`{setting}./changeover migrate`"
