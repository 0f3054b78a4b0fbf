"""Connections to SQLite or PostgreSQL, chosen by URL, with time-outs for every wait."""

import math
import time
from typing import Any

from psycopg import OperationalError as OperationalFault
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import create_engine

# Shorter than any step's time-out (activities/support/step_kinds.py), so that a step sees StoreBusyError first.
BUSY_SECONDS = 3.0
# PostgreSQL ends the transaction of a process that is suspended or cut off, so that its locks do not remain.
IDLE_TRANSACTION_SECONDS = 5.0
# All waits of one writing transaction together: shorter than an attempt at a group, which waits for many locks.
TRANSACTION_SECONDS = 9.0
READERS = 16
# A connection that was used within this time is not pinged at checkout: a ping costs a round trip.
PING_AFTER_IDLE_SECONDS = 1.0
_RETURNED_AT = "returned at"
_BEGAN_AT = "began at"
# Statement parameters never appear in error messages: they contain names and birth dates.
_HIDE_PARAMETERS: dict[str, Any] = {"hide_parameters": True}


class StoreBusyError(Exception):
    """Another writer held the lock for too long, or our own transaction was idle for too long. A retry may succeed."""


BUSY = (StoreBusyError, OperationalError, PoolTimeoutError)
"""The errors that mean that the database did not respond in time."""


def database_url(text: str) -> URL:
    """Return the URL with our driver: psycopg for PostgreSQL, the standard library's for SQLite."""
    url = make_url(text)
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url


def is_sqlite(url: URL) -> bool:
    """Whether a database is an SQLite file on this machine."""
    return url.get_backend_name() == "sqlite"


def create_engines(url: URL) -> tuple[Engine, Engine]:
    """Return the engine for writing and the one for reading. Raises ValueError for SQLite without a file."""
    if not is_sqlite(url):
        pool = _postgres(url)
        # Readers share the pool; repeatable read gives them one snapshot for several statements, as SQLite's WAL does.
        return pool, pool.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    if url.database in (None, "", ":memory:"):
        raise ValueError("SQLite needs a file: readers and the writer have connections of their own")
    return _sqlite(url, "BEGIN IMMEDIATE", 1), _sqlite(url, "BEGIN", READERS)


def _postgres(url: URL) -> Engine:
    waits = (
        f"-c statement_timeout=5000 -c lock_timeout={int(BUSY_SECONDS * 1000)}"
        f" -c idle_in_transaction_session_timeout={int(IDLE_TRANSACTION_SECONDS * 1000)}"
    )
    arguments = {"options": waits, "connect_timeout": int(BUSY_SECONDS)}
    size = {"pool_size": READERS, "max_overflow": READERS, "pool_timeout": BUSY_SECONDS}
    engine = create_engine(url, connect_args=arguments, **size, **_HIDE_PARAMETERS)
    event.listen(engine, "handle_error", _raise_if_idle_timeout)
    event.listen(engine, "begin", _record_begin)
    event.listen(engine, "before_cursor_execute", _limit_waits)
    event.listen(engine, "checkin", _record_return)
    event.listen(engine, "checkout", _ping_if_idle)
    return engine


def _sqlite(url: URL, begin: str, connections: int) -> Engine:
    arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None}
    size = {"pool_size": connections, "max_overflow": 0, "pool_timeout": BUSY_SECONDS}
    engine = create_engine(url, connect_args=arguments, **size, **_HIDE_PARAMETERS)
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _raise_if_idle_timeout(context: ExceptionContext) -> None:
    if isinstance(context.original_exception, IdleInTransactionSessionTimeout):
        context.is_disconnect = True
        raise StoreBusyError from None


def _record_begin(connection: Connection) -> None:
    connection.info[_BEGAN_AT] = time.monotonic()


def _limit_waits(connection: Connection, cursor: Any, *_: object) -> None:
    """Let no statement wait beyond the end of its transaction's time. Raises StoreBusyError when that is over."""
    left = connection.info.get(_BEGAN_AT, math.inf) + TRANSACTION_SECONDS - time.monotonic()
    if left >= BUSY_SECONDS or connection.get_execution_options().get("postgresql_readonly"):
        return
    if left <= 0:
        raise StoreBusyError
    waits = max(1, int(left * 1000))
    cursor.execute(f"SET LOCAL lock_timeout = {waits}; SET LOCAL statement_timeout = {waits}")


def _record_return(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_RETURNED_AT] = time.monotonic()


def _ping_if_idle(connection: Any, record: ConnectionPoolEntry, _fairy: object) -> None:
    if time.monotonic() - record.info.get(_RETURNED_AT, math.inf) <= PING_AFTER_IDLE_SECONDS:
        return
    try:
        # In autocommit mode: a transaction around the ping would cost two more round trips.
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except OperationalFault as error:
        # The pool then tries another connection or opens a new one.
        raise DisconnectionError from error


def _set_pragmas(connection: Any, _record: object) -> None:
    # secure_delete overwrites erased data in the file instead of only unlinking it.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
