"""A fake railway with a book in an SQLite file: departures, holds and sales, and the keys that were used.

What a request changes is committed before the railway answers it, so a railway that is killed knows afterwards whatever
it has answered.
"""

import json
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from examples.fake_systems.railway import Hold, Railway, Seats, Units

_TABLES = """
CREATE TABLE IF NOT EXISTS departures (service TEXT PRIMARY KEY, coaches INTEGER NOT NULL, seats INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS holds (
    reference TEXT PRIMARY KEY, request TEXT NOT NULL, place TEXT NOT NULL, held_until TEXT, requested TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (name TEXT PRIMARY KEY, request TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
"""
_KEYS = {"departures": "service", "holds": "reference", "requests": "name", "numbers": "name"}
"""The primary key of each table, its first column."""
_USED, _RELEASED = "used", "released"
Rows = Mapping[str, tuple[Any, ...]]
"""The rows of a table by their primary key."""


class RailwayBook:
    """The file of the book; only one process has it open."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A commit is on the disk before the railway answers.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_TABLES)
        self._written = {table: self._read(table) for table in _KEYS}

    @property
    def tables(self) -> Mapping[str, Rows]:
        """What was written last."""
        return self._written

    def write(self, tables: Mapping[str, Rows]) -> None:
        """Commit what has changed since it was last written, in one transaction."""
        if tables == self._written:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        for table, rows in tables.items():
            self._write_table(table, self._written[table], rows)
        self._connection.execute("COMMIT")
        self._written = dict(tables)

    def _read(self, table: str) -> Rows:
        return {row[0]: row for row in self._connection.execute(f"SELECT * FROM {table} ORDER BY rowid")}  # noqa: S608 - our own names

    def _write_table(self, table: str, before: Rows, now: Rows) -> None:
        removed = [(key,) for key in before if key not in now]
        self._connection.executemany(f"DELETE FROM {table} WHERE {_KEYS[table]} = ?", removed)  # noqa: S608 - likewise
        for row in (row for key, row in now.items() if before.get(key) != row):
            marks = ", ".join("?" * len(row))
            self._connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608 - likewise


class BookedRailway(Railway):
    """A railway that keeps its book in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._writing = threading.RLock()
        self._file = RailwayBook(path)
        tables = self._file.tables
        for service, coaches, seats in tables["departures"].values():
            super().put(service, coaches, seats)
        self._sizes = dict(tables["departures"])
        self.holds = {row[0]: _hold(*row) for row in tables["holds"].values()}
        for _, key, state in tables["requests"].values():
            (self.used if state == _USED else self.released).add(key)
        self._numbers = sum(last for _, last in tables["numbers"].values())

    def put(self, service: str, coaches: int, seats_per_coach: int) -> None:
        """Add a departure."""
        self.put_all({service: (coaches, seats_per_coach)})

    def put_all(self, departures: Mapping[str, tuple[int, int]]) -> None:
        """Add departures with their coaches and the seats of a coach."""
        with self._committed():
            for service, (coaches, seats) in departures.items():
                super().put(service, coaches, seats)
                self._sizes[service] = (service, coaches, seats)

    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        """Hold seats and units under a key, all or none."""
        with self._committed():
            return super().hold(key, requests, until)

    def release(self, key: str) -> bool:
        """Release what is held under a key; from then on the key can hold nothing. Return whether it is done."""
        with self._committed():
            return super().release(key)

    def release_references(self, references: list[str]) -> bool:
        """Release held or sold seats and units; return whether it is done."""
        with self._committed():
            return super().release_references(references)

    def extend(self, references: list[str], until: datetime) -> datetime | None:
        """Extend holds, all or none; return until when all of them last, None if all are sold."""
        with self._committed():
            return super().extend(references, until)

    def sell(self, taken: list[str], given_up: list[str]) -> bool:
        """Sell seats and units and give up others, all or none; return whether it is done."""
        with self._committed():
            return super().sell(taken, given_up)

    def catch_up(self) -> None:
        """Do all that is accepted. What a railway that ends has accepted and not done is not in its book."""
        with self._committed():
            super().catch_up()

    @contextmanager
    def _committed(self) -> Iterator[None]:
        """Commit what the block changes; what is refused in it changes nothing."""
        with self._writing:
            yield
            with self._lock:
                self._file.write(self._tables())

    def _tables(self) -> dict[str, Rows]:
        keys = [*((key, _USED) for key in self.used), *((key, _RELEASED) for key in self.released)]
        return {
            "departures": dict(self._sizes),
            "holds": {hold.reference: _row(hold) for hold in self.holds.values()},
            "requests": {f"{state} {key}": (f"{state} {key}", key, state) for key, state in keys},
            "numbers": {"hold": ("hold", self._numbers)},
        }


def _row(hold: Hold) -> tuple[Any, ...]:
    until = hold.until.isoformat() if hold.until else None
    return hold.reference, hold.key, json.dumps(hold.place), until, json.dumps(asdict(hold.requested))


def _hold(reference: str, key: str, place: str, until: str | None, requested: str) -> Hold:
    request, (first, second, third) = json.loads(requested), json.loads(place)
    wish = Units(**request) if "item" in request else Seats(**request)
    return Hold(reference, key, (first, second, third), datetime.fromisoformat(until) if until else None, wish)
