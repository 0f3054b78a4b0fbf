"""The store: read and write transactions, unscoped or limited to one tenant."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from sqlmodel import Session

from domain.access import TenantAccess
from store.database.connections import BUSY_SECONDS, StoreBusyError, create_engines, database_url, is_sqlite
from store.database.tenant_session import TenantSession

Clock = Callable[[], datetime]
_Tx = TypeVar("_Tx", bound=Session)

_BEFORE_COMMIT = "before commit"
_AFTER_COMMIT = "after commit"


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one clock


class LoginSeesNoRowsError(Exception):
    """Our database login is subject to PostgreSQL's row-level security and would see no rows."""

    def __init__(self) -> None:
        super().__init__("The login sees no rows: have it own the tables, or grant it the role that does.")


class Store:
    """All access to the database; its clock decides about everything that expires.

    A write inside a write of the same thread joins the outer transaction. So a step and the embedded
    providers it calls commit together.
    """

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self.now = clock
        parsed = database_url(url)
        self._sqlite = is_sqlite(parsed)
        self._writer, self._reader = create_engines(parsed)
        # SQLite allows one writer. Waiting for this lock is fair and cheap; waiting inside SQLite means polling.
        self._writer_lock = threading.Lock()
        self._joined = threading.local()

    def for_tenant(self, access: TenantAccess) -> "TenantStore":
        """Return the store limited to what an access allows."""
        return TenantStore(self, access)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read transaction with one consistent view; inside a write of this thread, return that transaction."""
        outer = self._current_transaction()
        if outer is not None:
            yield outer
            return
        with self._reading(Session(self._reader, expire_on_commit=False)) as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a write transaction or join the one this thread has open. The outermost block commits.

        Raises StoreBusyError when SQLite's writer lock is not free in time.
        """
        outer = self._current_transaction()
        if outer is not None:
            yield outer
            outer.flush()
            return
        with self._committed(Session(self._writer, expire_on_commit=False)) as tx:
            yield tx

    def read_for_tenant(self, access: TenantAccess) -> AbstractContextManager[TenantSession]:
        """Open a read transaction limited to an access; no transaction may be open in this thread."""
        self._check_none_open()
        return self._reading(TenantSession(self._reader, access, expire_on_commit=False))

    def write_for_tenant(self, access: TenantAccess) -> AbstractContextManager[TenantSession]:
        """Open a write transaction limited to an access; none may be open in this thread. Raises StoreBusyError."""
        self._check_none_open()
        return self._committed(TenantSession(self._writer, access, expire_on_commit=False))

    @property
    def in_transaction(self) -> bool:
        """Whether this thread has a transaction open, to read or to write."""
        return self._current_transaction() is not None or getattr(self._joined, "reads", 0) > 0

    def _check_none_open(self) -> None:
        if self._current_transaction() is not None:
            raise RuntimeError("an open transaction of this thread may see more rows")

    @contextmanager
    def _committed(self, session: _Tx) -> Iterator[_Tx]:
        with self._hold_writer_lock(), session as tx:
            self._joined.tx = tx
            try:
                with tx.begin():
                    yield tx
                    _run_before_commit(tx)
            finally:
                self._joined.tx = None
        for action in tx.info.get(_AFTER_COMMIT, ()):
            action()

    @contextmanager
    def _reading(self, session: _Tx) -> Iterator[_Tx]:
        self._joined.reads = getattr(self._joined, "reads", 0) + 1
        try:
            # Ends with COMMIT although nothing was written: a ROLLBACK makes psycopg drop its prepared statements.
            with session as tx, tx.begin():
                yield tx
        finally:
            self._joined.reads -= 1

    def _current_transaction(self) -> Session | None:
        return getattr(self._joined, "tx", None)

    @contextmanager
    def _hold_writer_lock(self) -> Iterator[None]:
        if not self._sqlite:
            yield
            return
        if not self._writer_lock.acquire(timeout=BUSY_SECONDS):
            raise StoreBusyError
        try:
            yield
        finally:
            self._writer_lock.release()

    def check(self) -> None:
        """Raise an error when the database does not respond, has no tables, or hides its rows from our login."""
        with self.read() as tx:
            execute = tx.connection().exec_driver_sql
            execute("SELECT 1 FROM orders WHERE 1 = 0")
            if not self._sqlite and execute("SELECT row_security_active('orders')").scalar_one():
                raise LoginSeesNoRowsError

    def checkpoint_wal(self) -> None:
        """Move SQLite's write-ahead log into the file, except pages a reader needs. PostgreSQL vacuums by itself."""
        if self._sqlite:
            with self._hold_writer_lock(), self._writer.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection."""
        self._writer.dispose()
        self._reader.dispose()


class TenantStore:
    """The store limited to one tenant and perhaps one channel. It cannot open a transaction that sees more."""

    def __init__(self, store: Store, access: TenantAccess) -> None:
        self._store = store
        self._access = access
        self.now = store.now

    def read(self) -> AbstractContextManager[TenantSession]:
        """Open a read transaction with one consistent view."""
        return self._store.read_for_tenant(self._access)

    def write(self) -> AbstractContextManager[TenantSession]:
        """Open a write transaction; later writes of this thread join it until it ends. Raises StoreBusyError."""
        return self._store.write_for_tenant(self._access)

    def check(self) -> None:
        """Raise an error when the database does not respond, has no tables, or refuses the tenant role."""
        with self.read() as tx:
            tx.connection().exec_driver_sql("SELECT 1 FROM orders WHERE 1 = 0")


def before_commit(tx: Session, name: str, action: Callable[[], None]) -> None:
    """Run an action at the end of a transaction, once per name: so that several writes become one statement."""
    tx.info.setdefault(_BEFORE_COMMIT, {}).setdefault(name, action)


def _run_before_commit(tx: Session) -> None:
    for action in tx.info.pop(_BEFORE_COMMIT, {}).values():
        action()


def after_commit(tx: Session, action: Callable[[], None]) -> None:
    """Run an action after a transaction has committed; drop it on rollback. The action must not raise."""
    tx.info.setdefault(_AFTER_COMMIT, []).append(action)
