"""The database: whether it answers, whether it has our schema, and what time it is there."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from cli.doctor.clocks import Heard, clock
from cli.doctor.findings import Finding, bad, note, ok
from cli.doctor.target import Target
from store.database.connections import database_url
from store.database.migrate import config
from store.database.store import utc_now

CONNECT_SECONDS = 5


def look(patient: Target) -> Iterator[Finding]:
    """Look at the database."""
    url = database_url(patient.database)
    shown = url.render_as_string(hide_password=True)
    is_file = url.get_backend_name() == "sqlite"
    if is_file and not Path(url.database or "").exists():
        missing = f"no database {shown}"
        yield bad(missing, _migrate(patient)) if patient.own_database else note(missing, "`./changeover up` makes it")
        return
    engine = create_engine(url, connect_args={} if is_file else {"connect_timeout": CONNECT_SECONDS})
    try:
        with engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
            there = None if is_file else _time(connection)
    except SQLAlchemyError as error:
        yield bad(f"database {shown} cannot be read ({type(error).__name__})", "check CHANGEOVER_DATABASE")
        return
    finally:
        engine.dispose()
    yield _schema(patient, shown, present)
    if there is not None:
        yield clock("the database", there)


def _time(connection: Connection) -> Heard:
    asked = utc_now()
    there: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return Heard(there, asked, utc_now())


def _schema(patient: Target, shown: str, present: str | None) -> Finding:
    scripts = ScriptDirectory.from_config(config(patient.database))
    newest = scripts.get_current_head()
    if present == newest:
        return ok(f"database {shown} at schema {present}")
    known = {script.revision for script in scripts.walk_revisions()}
    if present is not None and present not in known:
        return bad(f"database at schema {present}, which this Changeover does not know", "run the newer Changeover")
    return bad(f"database at schema {present or 'none'}, {newest} is needed", _migrate(patient))


def _migrate(patient: Target) -> str:
    # One the environment names is named already; its URL may hold a password.
    named = "" if patient.own_database else f"CHANGEOVER_DATABASE={patient.database} "
    return f"`{named}./changeover migrate`"
