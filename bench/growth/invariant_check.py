"""Checks the invariants of a store of any size, within a limited time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from store.database.connections import database_url
from store.invariants import INVARIANTS
from store.trade_invariants import Invariant, for_dialect

_ENDED = "SELECT COUNT(*) FROM changes WHERE outcome IS NULL"


@dataclass(frozen=True)
class InvariantsChecked:
    """The invariants that hold, and those for which the time did not suffice."""

    held: tuple[str, ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        if not self.left_out:
            return f"all {len(self.held)} invariants hold"
        return f"{len(self.held)} invariants hold; no time for {', '.join(self.left_out)}"


def check(url: str, seconds: float = 60) -> InvariantsChecked:
    """Check invariants until the time is up, and that every change has ended. Raises AssertionError if not."""
    give_up = time.monotonic() + seconds
    engine = create_engine(database_url(url))
    try:
        held = {each.name: _holds(engine, each, give_up) for each in INVARIANTS}
        with engine.connect() as connection:
            unended = connection.execute(text(_ENDED)).scalar_one()
    finally:
        engine.dispose()
    if unended:
        raise AssertionError(f"{unended} changes have not ended")
    return InvariantsChecked(tuple(name for name in held if held[name]), tuple(name for name in held if not held[name]))


def _holds(engine: Engine, invariant: Invariant, give_up: float) -> bool:
    """Return True if an invariant holds, False if the time did not suffice; raise AssertionError if it is violated."""
    if time.monotonic() > give_up:
        return False
    try:
        with engine.connect() as connection, _until(connection, give_up):
            wrong = connection.execute(text(for_dialect(invariant.query, engine.dialect.name))).first()
    except OperationalError:
        return False
    if wrong:
        raise AssertionError(f"an invariant is violated: {invariant.name}, {wrong}")
    return True


@contextmanager
def _until(connection: Connection, give_up: float) -> Iterator[None]:
    remaining = give_up - time.monotonic()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(int(remaining * 1000), 1)}")
        yield
        return
    sqlite = connection.connection.driver_connection
    if sqlite is None:
        raise RuntimeError("an open connection has no driver connection")
    sqlite.set_progress_handler(lambda: time.monotonic() > give_up, 10_000)
    yield
    sqlite.set_progress_handler(None, 0)
