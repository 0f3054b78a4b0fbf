"""A step's transaction: at most once under its key.

DBOS runs a step at least once: killed after our commit and before its own record, it asks again. So what a step
did and its answer commit together under the step's key, and the second asking gets the first answer. One row per
step suffices, where ours has asked, done and withdrawn: all that these steps touch is in this database, and only
the process that runs a workflow can run its steps. What a step refuses is not remembered here; it must refuse the
second time as it did the first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import QueuePool

from bench.peers.tables import Tx

Json = dict[str, Any]
Act = Callable[[Tx, "Head"], Json]
"""What a step does in its transaction."""

CONNECTIONS = 40
"""As many as callers are served at once."""

_LOCK = """
SELECT o.status, o.version, o.draft_opened_by, o.next_line, e.answer
FROM orders o LEFT JOIN effects e ON e.key = %s WHERE o.number = %s FOR UPDATE OF o
"""
_REMEMBER = "INSERT INTO effects (key, change, step, answer) VALUES (%s, %s, %s, %s)"
_EVENT = """
WITH head AS (UPDATE orders SET last_event = last_event + 1 WHERE number = %s RETURNING number, last_event)
INSERT INTO events (order_number, number, type, change, data) SELECT number, last_event, %s, %s, %s FROM head
"""


class RefusedError(Exception):
    """A business no: never retried."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Change:
    """What is asked: put a bundle in the place of all lines, pay, and confirm in one go."""

    id: str
    order: str
    bundle: str
    token: str


@dataclass(frozen=True)
class OrderRow:
    """An order's head, locked until the step commits."""

    status: str
    version: int
    draft_opened_by: str | None
    next_line: int


class Transactions:
    """The connections to the database, once it is known where that is."""

    def __init__(self) -> None:
        self._pool: QueuePool | None = None

    def open(self, url: str) -> None:
        """Say where the database is."""
        self._pool = QueuePool(lambda: cast("DBAPIConnection", psycopg.connect(url)), pool_size=CONNECTIONS)

    def run_once(self, step: str, change: Change, act: Act) -> Json:
        """Run a step unless it has run, and return its first answer."""
        key = f"{change.id}/{step}"
        with self._transaction() as tx:
            *head, known = tx.execute(_LOCK, (key, change.order)).fetchone() or _no_order(change)
            if known is not None:
                return cast("Json", known)
            answer = act(tx, OrderRow(*head))
            tx.execute(_REMEMBER, (key, change.id, step, Jsonb(answer)))
            return answer

    @contextmanager
    def _transaction(self) -> Iterator[Tx]:
        if self._pool is None:
            raise LookupError("no database was opened")
        lent = self._pool.connect()
        try:
            tx = cast("Tx", lent.driver_connection)
            with tx.transaction():
                yield tx
        finally:
            lent.close()


def append(tx: Tx, change: Change, kind: str, data: Json) -> None:
    """Write down an event, next in the order's gapless sequence."""
    tx.execute(_EVENT, (change.order, kind, change.id, Jsonb(data)))


def _no_order(change: Change) -> tuple[Any, ...]:
    raise LookupError(change.order)
