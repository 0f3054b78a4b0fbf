"""The book of the fake bank: movements, cards and requests by key, in an SQLite database."""

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS movements (
    number INTEGER PRIMARY KEY, request TEXT NOT NULL, kind TEXT NOT NULL, payment TEXT NOT NULL,
    minor INTEGER NOT NULL, currency TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS movements_payment ON movements (payment);
CREATE TABLE IF NOT EXISTS cards (payment TEXT PRIMARY KEY, token TEXT NOT NULL, expires_at TEXT);
CREATE TABLE IF NOT EXISTS requests (
    request TEXT PRIMARY KEY, kind TEXT NOT NULL, payment TEXT NOT NULL, minor INTEGER NOT NULL,
    currency TEXT NOT NULL, state TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS requests_payment ON requests (payment);
"""
_ACCOUNTS = """
SELECT m.payment, COALESCE(c.token, ''), MAX(m.currency),
    SUM(CASE WHEN m.kind = 'authorise' THEN m.minor ELSE 0 END),
    SUM(CASE WHEN m.kind = 'capture' THEN m.minor ELSE 0 END),
    SUM(CASE WHEN m.kind = 'refund' THEN m.minor ELSE 0 END),
    MAX(m.kind = 'void'), c.expires_at
FROM movements m LEFT JOIN cards c ON c.payment = m.payment
{}
GROUP BY m.payment ORDER BY MIN(m.number)
"""
_ALL, _ONE = _ACCOUNTS.format(""), _ACCOUNTS.format("WHERE m.payment = ?")
_ENDING = _ACCOUNTS.format("WHERE c.expires_at IS NOT NULL")
_MOVEMENTS = """
SELECT number, kind, payment, minor, currency FROM movements
WHERE number > :after AND (:payment IS NULL OR payment = :payment) ORDER BY number LIMIT :limit
"""


@dataclass(frozen=True)
class Account:
    """One authorisation and the sums of its movements, in minor units."""

    token: str
    currency: str
    minor: int
    captured: int
    refunded: int
    voided: bool
    expires_at: datetime | None = None
    """When the authorisation ends by itself; None: it does not."""

    def has_ended(self, now: datetime) -> bool:
        """Whether the authorisation has ended by itself."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class BookedMovement:
    """A movement in the bank's book; the numbers increase. A void under an unused key is of 0, in no currency."""

    number: int
    kind: str
    payment: str
    minor: int
    currency: str


@dataclass(frozen=True)
class Request:
    """A capture or a refund under its key: done, pending or failed, or the code with which it was refused."""

    key: str
    kind: str
    payment: str
    minor: int
    currency: str
    state: str


class BankBook:
    """The book. Its readings and writings may come from several threads."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A commit is on the disk before the bank answers.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_TABLES)

    def accounts(self) -> dict[str, Account]:
        """Return every authorisation by its key, oldest first."""
        return self._accounts(_ALL)

    def account(self, payment: str) -> Account | None:
        """Return the authorisation under a key."""
        return self._accounts(_ONE, payment).get(payment)

    def ended(self, now: datetime) -> dict[str, Account]:
        """Return the authorisations that have ended by themselves and are not booked as voided, by their key."""
        accounts = self._accounts(_ENDING)
        return {
            key: each for key, each in accounts.items() if each.has_ended(now) and not (each.captured or each.voided)
        }

    def movements(self, after: int, payment: str | None, limit: int) -> list[BookedMovement]:
        """Return the movements after a number, all or those of one payment; -1: without a limit."""
        rows = self._read(_MOVEMENTS, {"after": after, "payment": payment, "limit": limit})
        return [BookedMovement(*row) for row in rows]

    def requests(self) -> dict[str, Request]:
        """Return every capture and refund by its key."""
        return {row[0]: Request(*row) for row in self._read("SELECT * FROM requests ORDER BY rowid")}

    def request(self, key: str) -> Request | None:
        """Return the capture or refund under a key."""
        rows = self._read("SELECT * FROM requests WHERE request = ?", (key,))
        return Request(*rows[0]) if rows else None

    def capture_of(self, payment: str) -> str | None:
        """Return the key of a payment's capture."""
        rows = self._read("SELECT request FROM movements WHERE payment = ? AND kind = 'capture'", (payment,))
        return str(rows[0][0]) if rows else None

    def pending_of(self, payment: str) -> int:
        """Return the sum of a payment's pending refunds."""
        query = "SELECT COALESCE(SUM(minor), 0) FROM requests WHERE payment = ? AND state = 'pending'"
        return int(self._read(query, (payment,))[0][0])

    def add(self, request: str, kind: str, payment: str, minor: int, currency: str) -> None:
        """Add a movement."""
        self._connection.execute(
            "INSERT INTO movements (request, kind, payment, minor, currency) VALUES (?, ?, ?, ?, ?)",
            (request, kind, payment, minor, currency),
        )

    def add_card(self, payment: str, token: str, expires_at: datetime | None) -> None:
        """Add the card of an authorisation."""
        ends = expires_at.isoformat() if expires_at else None
        self._connection.execute("INSERT INTO cards VALUES (?, ?, ?)", (payment, token, ends))

    def replace_card(self, payment: str, token: str) -> None:
        """Replace the token of a payment's card."""
        with self._lock:
            self._connection.execute("UPDATE cards SET token = ? WHERE payment = ?", (token, payment))

    def set_end(self, payment: str, expires_at: datetime) -> None:
        """Set when an authorisation ends by itself."""
        with self._lock:
            ends = (expires_at.isoformat(), payment)
            self._connection.execute("UPDATE cards SET expires_at = ? WHERE payment = ?", ends)

    def add_request(self, request: Request) -> None:
        """Add a capture or a refund, or its refusal."""
        self._connection.execute("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?)", astuple(request))

    def set_state(self, key: str, state: str) -> None:
        """Set the state of a request."""
        self._connection.execute("UPDATE requests SET state = ? WHERE request = ?", (state, key))

    def _accounts(self, query: str, *values: str) -> dict[str, Account]:
        rows = self._read(query, values)
        return {
            row[0]: Account(
                row[1], row[2], row[3], row[4], row[5], bool(row[6]), datetime.fromisoformat(row[7]) if row[7] else None
            )
            for row in rows
        }

    def _read(self, query: str, values: Sequence[str] | Mapping[str, str | int | None] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self, refusal: type[Exception]) -> Iterator[None]:
        """Commit what the block writes, also before a refusal; any other error rolls it back."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except refusal:
                self._connection.execute("COMMIT")
                raise
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
