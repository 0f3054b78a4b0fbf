"""A step's transaction: at most once under its key.

DBOS runs a step at least once: if it is killed after our commit and before its own record, it calls the step again.
Therefore a step's effects and its result commit together under the step's key, and a second call returns the first
result. One row per step suffices, where ours has the states started, done and withdrawn: all effects of these steps are
in this database, and only the process that runs a workflow can run its steps. Refusals are not recorded: a step must
refuse the second time as it did the first.
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
Act = Callable[[Tx, "OrderRow"], Json]
"""The work of a step in its transaction."""

CONNECTIONS = 40
"""One connection for each caller that is served at once."""

_LOCK = """
SELECT o.status, o.version, o.draft_opened_by, o.next_line, e.answer
FROM orders o LEFT JOIN effects e ON e.key = %s WHERE o.number = %s FOR UPDATE OF o
"""
_RECORD = "INSERT INTO effects (key, change, step, answer) VALUES (%s, %s, %s, %s)"
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
    """A change request: replace all lines by a bundle, pay, and confirm in one go."""

    id: str
    order: str
    bundle: str
    token: str


@dataclass(frozen=True)
class OrderRow:
    """An order's row, locked until the step commits."""

    status: str
    version: int
    draft_opened_by: str | None
    next_line: int


class Transactions:
    """The transactions of the steps, on a pool of connections to the database."""

    def __init__(self) -> None:
        self._pool: QueuePool | None = None

    def open(self, url: str) -> None:
        """Connect to a database."""
        self._pool = QueuePool(lambda: cast("DBAPIConnection", psycopg.connect(url)), pool_size=CONNECTIONS)

    def run_once(self, step: str, change: Change, act: Act) -> Json:
        """Run a step unless it has run, and return its first result."""
        key = f"{change.id}/{step}"
        with self._transaction() as tx:
            *order_row, known = tx.execute(_LOCK, (key, change.order)).fetchone() or _no_order(change)
            if known is not None:
                return cast("Json", known)
            result = act(tx, OrderRow(*order_row))
            tx.execute(_RECORD, (key, change.id, step, Jsonb(result)))
            return result

    @contextmanager
    def _transaction(self) -> Iterator[Tx]:
        if self._pool is None:
            raise LookupError("no database was opened")
        connection = self._pool.connect()
        try:
            tx = cast("Tx", connection.driver_connection)
            with tx.transaction():
                yield tx
        finally:
            connection.close()


def append(tx: Tx, change: Change, kind: str, data: Json) -> None:
    """Append an event, the next in the order's gapless sequence."""
    tx.execute(_EVENT, (change.order, kind, change.id, Jsonb(data)))


def _no_order(change: Change) -> tuple[Any, ...]:
    raise LookupError(change.order)
