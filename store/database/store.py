"""The database: one way to read and one way to write, as a whole or as far as somebody reaches."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from sqlmodel import Session

from domain.access import TenantAccess
from store.database.connections import BUSY_SECONDS, StoreBusyError, database_url, engines, is_sqlite
from store.database.tenant_session import TenantSession

Clock = Callable[[], datetime]
_Tx = TypeVar("_Tx", bound=Session)

_AFTER_COMMIT = "after commit"


def utc_now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one clock


class LoginSeesNoRowsError(Exception):
    """PostgreSQL's row-level security holds for our own login: it would take every table for empty."""

    def __init__(self) -> None:
        super().__init__("The login sees no rows: have it own the tables, or grant it the role that does.")


class Store:
    """All access to the database. Decides what time it is for everything that expires.

    Writes are transactions; a write inside a write of the same thread joins it, so that a step and
    the embedded providers it uses commit together.
    """

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self.now = clock
        found = database_url(url)
        self._sqlite = is_sqlite(found)
        self._writer, self._reader = engines(found)
        # SQLite admits one writer; waiting here is fair and cheap, waiting in SQLite is polling.
        self._turn = threading.Lock()
        self._joined = threading.local()

    def for_tenant(self, reach: TenantAccess) -> "TenantStore":
        """Return the store as far as somebody reaches."""
        return TenantStore(self, reach)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open one consistent view of the database; inside a write of this thread, that write's own."""
        outer = self._open_here()
        if outer is not None:
            yield outer
            return
        with _looking(Session(self._reader, expire_on_commit=False)) as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction, or join the one this thread has open. Commits at the end of the outermost.

        Raises StoreBusyError when SQLite's one writer is not free in time.
        """
        outer = self._open_here()
        if outer is not None:
            yield outer
            outer.flush()
            return
        with self._committed(Session(self._writer, expire_on_commit=False)) as tx:
            yield tx

    def read_within(self, reach: TenantAccess) -> AbstractContextManager[TenantSession]:
        """Open one consistent view of what somebody reaches; no transaction may be open in this thread."""
        self._check_none_open()
        return _looking(TenantSession(self._reader, reach, expire_on_commit=False))

    def write_within(self, reach: TenantAccess) -> AbstractContextManager[TenantSession]:
        """Open a transaction on what somebody reaches; none may be open in this thread. Raises StoreBusyError."""
        self._check_none_open()
        return self._committed(TenantSession(self._writer, reach, expire_on_commit=False))

    def _check_none_open(self) -> None:
        if self._open_here() is not None:
            raise RuntimeError("a transaction is open that may see more")

    @contextmanager
    def _committed(self, session: _Tx) -> Iterator[_Tx]:
        with self._writing(), session as tx:
            self._joined.tx = tx
            try:
                with tx.begin():
                    yield tx
            finally:
                self._joined.tx = None
        for act in tx.info.get(_AFTER_COMMIT, ()):
            act()

    def _open_here(self) -> Session | None:
        return getattr(self._joined, "tx", None)

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
        """Raise whatever is wrong when the database does not answer, or has no tables, or shows us none of its rows."""
        with self.read() as tx:
            ask = tx.connection().exec_driver_sql
            ask("SELECT 1 FROM orders WHERE 1 = 0")
            if not self._sqlite and ask("SELECT row_security_active('orders')").scalar_one():
                raise LoginSeesNoRowsError

    def checkpoint_wal(self) -> None:
        """Take what was written before out of SQLite's log; as much of it as no reader needs. PostgreSQL vacuums."""
        if self._sqlite:
            with self._writing(), self._writer.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection."""
        self._writer.dispose()
        self._reader.dispose()


class TenantStore:
    """The store as far as somebody reaches: no transaction of theirs can be opened that sees more."""

    def __init__(self, store: Store, reach: TenantAccess) -> None:
        self._store = store
        self._reach = reach
        self.now = store.now

    def read(self) -> AbstractContextManager[TenantSession]:
        """Open one consistent view of the database."""
        return self._store.read_within(self._reach)

    def write(self) -> AbstractContextManager[TenantSession]:
        """Open a transaction; whatever writes in this thread until its end joins it. Raises StoreBusyError."""
        return self._store.write_within(self._reach)

    def check(self) -> None:
        """Raise whatever is wrong when the database does not answer, has no tables, or lets nobody in."""
        with self.read() as tx:
            tx.connection().exec_driver_sql("SELECT 1 FROM orders WHERE 1 = 0")


@contextmanager
def _looking(session: _Tx) -> Iterator[_Tx]:
    # Ended by COMMIT, though nothing was written: a ROLLBACK makes psycopg forget what it has prepared.
    with session as tx, tx.begin():
        yield tx


def after_commit(tx: Session, act: Callable[[], None]) -> None:
    """Do something once a transaction has committed, and not at all if it never does. It must not fail."""
    tx.info.setdefault(_AFTER_COMMIT, []).append(act)
