"""Connections to the database, SQLite or PostgreSQL by URL, each with time-outs."""

import math
import time
from typing import Any

from psycopg import OperationalError as OperationalFault
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy import Engine, event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import create_engine

# Shorter than any step's time-out (activities/support/step_kinds.py), so that a step learns that the store is busy.
BUSY_SECONDS = 3.0
# A process that sleeps in the middle of a transaction, or is cut off, loses it, lest its locks outlive its turn.
ASLEEP_SECONDS = 5.0
READERS = 16
# A connection that was used just now is not asked whether it still lives: each time would be a round trip.
IDLE_SECONDS = 1.0
_LEFT_AT = "left at"
# Parameters never reach an error message: they hold names and birth dates.
_QUIET: dict[str, Any] = {"hide_parameters": True}


class StoreBusyError(Exception):
    """Somebody else has been writing for too long, or we have been asleep; trying again may help."""


BUSY = (StoreBusyError, OperationalError, PoolTimeoutError)
"""What says that the store did not answer in time."""


def database_url(text: str) -> URL:
    """Return the URL with the driver we use: psycopg for PostgreSQL, the standard library's SQLite."""
    url = make_url(text)
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url


def is_sqlite(url: URL) -> bool:
    """Whether a database is one file of this machine."""
    return url.get_backend_name() == "sqlite"


def engines(url: URL) -> tuple[Engine, Engine]:
    """Return how a database is written and how it is read. Raises ValueError for SQLite without a file."""
    if not is_sqlite(url):
        pool = _postgres(url)
        # The same pool for readers: several statements see one state, as in SQLite's WAL.
        return pool, pool.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    if url.database in (None, "", ":memory:"):
        raise ValueError("SQLite needs a file: readers and the writer have connections of their own")
    return _sqlite(url, "BEGIN IMMEDIATE", 1), _sqlite(url, "BEGIN", READERS)


def _postgres(url: URL) -> Engine:
    waits = (
        f"-c statement_timeout=5000 -c lock_timeout={int(BUSY_SECONDS * 1000)}"
        f" -c idle_in_transaction_session_timeout={int(ASLEEP_SECONDS * 1000)}"
    )
    arguments = {"options": waits, "connect_timeout": int(BUSY_SECONDS)}
    size = {"pool_size": READERS, "max_overflow": READERS, "pool_timeout": BUSY_SECONDS}
    engine = create_engine(url, connect_args=arguments, **size, **_QUIET)
    event.listen(engine, "handle_error", _overslept)
    event.listen(engine, "checkin", _left)
    event.listen(engine, "checkout", _taken)
    return engine


def _sqlite(url: URL, begin: str, connections: int) -> Engine:
    arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None}
    size = {"pool_size": connections, "max_overflow": 0, "pool_timeout": BUSY_SECONDS}
    engine = create_engine(url, connect_args=arguments, **size, **_QUIET)
    event.listen(engine, "connect", _prepared)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


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
        # By itself: a transaction around it would be two round trips more.
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except OperationalFault as error:
        # The pool takes another one, new if need be.
        raise DisconnectionError from error


def _prepared(connection: Any, _record: object) -> None:
    # What is erased is overwritten in the file, not only let go.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
