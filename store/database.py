"""The database: SQLite or PostgreSQL by URL, one way to read and one way to write."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from psycopg import OperationalError as OperationalFault
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy import Engine, event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, create_engine

Clock = Callable[[], datetime]

# Shorter than any step's time-out (activities/steps.py), so that a step learns that the store is busy.
BUSY_SECONDS = 3.0
# A process that sleeps in the middle of a transaction, or is cut off, loses it, lest its locks outlive its turn.
ASLEEP_SECONDS = 5.0
READERS = 16
# A connection that was used just now is not asked whether it still lives: each time would be a round trip.
IDLE_SECONDS = 1.0
_AFTER_COMMIT = "after commit"
_LEFT_AT = "left at"


class StoreBusyError(Exception):
    """Somebody else has been writing for too long, or we have been asleep; trying again may help."""


BUSY = (StoreBusyError, OperationalError, PoolTimeoutError)
"""What says that the store did not answer in time."""


def utc_now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one clock


def database_url(text: str) -> URL:
    """Return the URL with the driver we use: psycopg for PostgreSQL, the standard library's SQLite."""
    url = make_url(text)
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url


class Store:
    """All access to the database. Decides what time it is for everything that expires.

    Writes are transactions; a write inside a write of the same thread joins it, so that a step and
    the embedded providers it uses commit together.
    """

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self.now = clock
        self._url = database_url(url)
        self._sqlite = self._url.get_backend_name() == "sqlite"
        if self._sqlite and self._url.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file: readers and the writer have connections of their own")
        self._writer = self._engine(writing=True)
        self._reader = self._engine(writing=False) if self._sqlite else _snapshots_of(self._writer)
        # SQLite admits one writer; waiting here is fair and cheap, waiting in SQLite is polling.
        self._turn = threading.Lock()
        self._joined = threading.local()

    def _engine(self, *, writing: bool) -> Engine:
        # Parameters never reach an error message: they hold names and birth dates.
        options: dict[str, Any] = {"hide_parameters": True}
        if not self._sqlite:
            waits = (
                f"-c statement_timeout=5000 -c lock_timeout={int(BUSY_SECONDS * 1000)}"
                f" -c idle_in_transaction_session_timeout={int(ASLEEP_SECONDS * 1000)}"
            )
            arguments = {"options": waits, "connect_timeout": int(BUSY_SECONDS)}
            size = {"pool_size": READERS, "max_overflow": READERS, "pool_timeout": BUSY_SECONDS}
            engine = create_engine(self._url, connect_args=arguments, **size, **options)
            event.listen(engine, "handle_error", _overslept)
            event.listen(engine, "checkin", _left)
            event.listen(engine, "checkout", _taken)
            return engine
        arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None}
        size = {"pool_size": 1 if writing else READERS, "max_overflow": 0, "pool_timeout": BUSY_SECONDS}
        engine = create_engine(self._url, connect_args=arguments, **size, **options)
        event.listen(engine, "connect", _sqlite_connection)
        begin = "BEGIN IMMEDIATE" if writing else "BEGIN"
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open one consistent view of the database; inside a write of this thread, that write's own."""
        outer: Session | None = getattr(self._joined, "tx", None)
        if outer is not None:
            yield outer
            return
        with Session(self._reader) as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction, or join the one this thread has open. Commits at the end of the outermost.

        Raises StoreBusyError when SQLite's one writer is not free in time.
        """
        outer: Session | None = getattr(self._joined, "tx", None)
        if outer is not None:
            yield outer
            outer.flush()
            return
        with self._writing(), Session(self._writer, expire_on_commit=False) as tx:
            self._joined.tx = tx
            try:
                with tx.begin():
                    yield tx
            finally:
                self._joined.tx = None
        for act in tx.info.get(_AFTER_COMMIT, ()):
            act()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if not self._sqlite:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise StoreBusyError
        try:
            yield
        finally:
            self._turn.release()

    def check(self) -> None:
        """Raise whatever is wrong when the database does not answer, or has no tables."""
        with self.read() as tx:
            tx.connection().exec_driver_sql("SELECT 1 FROM counters WHERE 1 = 0")

    def settle(self) -> None:
        """Take what was written before out of SQLite's log; as much of it as no reader needs. PostgreSQL vacuums."""
        if self._sqlite:
            with self._writing(), self._writer.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection."""
        self._writer.dispose()
        self._reader.dispose()


def after_commit(tx: Session, act: Callable[[], None]) -> None:
    """Do something once a transaction has committed, and not at all if it never does. It must not fail."""
    tx.info.setdefault(_AFTER_COMMIT, []).append(act)


def _snapshots_of(engine: Engine) -> Engine:
    """Return the same pool for readers: several statements see one state, as in SQLite's WAL."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _overslept(context: ExceptionContext) -> None:
    if isinstance(context.original_exception, IdleInTransactionSessionTimeout):
        context.is_disconnect = True
        raise StoreBusyError from None


def _left(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_LEFT_AT] = time.monotonic()


def _taken(connection: Any, record: ConnectionPoolEntry, _fairy: object) -> None:
    if time.monotonic() - record.info.get(_LEFT_AT, math.inf) <= IDLE_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except OperationalFault as error:
        # The pool takes another one, new if need be.
        raise DisconnectionError from error


def _sqlite_connection(connection: Any, _record: object) -> None:
    # What is erased is overwritten in the file, not only let go.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
