"""A rig: a tuned Temporal server, a database, our processes and the bare workflows' worker, all newly started."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from bench.credentials import API_SETTINGS, key_for
from bench.processes import Processes
from bench.scraping import read_counter
from cli import demo_bank, payment_book
from cli.processes import Child
from cli.stack import LOCAL_ONLY, Ports, Stack
from store import invariants
from store.database.store import Store
from telemetry.loopback import free_port
from tests.support.postgres import Postgres, new_database, postgres

_QUIET = {"CHANGEOVER_RECONCILE_EVERY": "PT6H"}
"""The schedule that reconciles would be measured together with the run during which it starts."""


class Bank(StrEnum):
    """Where the payments of a rig are."""

    EMBEDDED = "embedded"
    EXTERNAL = "external"
    """At the demo bank: a process of its own with its own book, called over HTTP."""


@dataclass(frozen=True)
class Rig:
    """The running processes."""

    stack: Stack
    beside: tuple[Child, ...]
    """Processes that are sampled beside the stack: the bare workflows' worker, or a peer."""
    postgres: Postgres | None
    """The PostgreSQL server, if that is the database."""
    data: Path
    key: str
    """The bench's API key."""

    @property
    def processes(self) -> Processes:
        """The processes to sample."""
        roots = {child.name: child.process.pid for child in (*self.stack.children, *self.beside) if child.process}
        if self.postgres:
            roots["database"] = self.postgres.pid
        return Processes(roots | {"client": os.getpid()})

    def actions(self) -> float:
        """Return the billed actions that the server has counted in our namespace."""
        return read_counter(self.stack.ports.temporal_metrics, "action", 'namespace="default"')

    def check(self) -> None:
        """Raise AssertionError if an invariant is violated, or the bank's book is not as ours."""
        store = Store(self.stack.database)
        with store.read() as tx:
            violations = list(invariants.violations(tx))
        store.close()
        if violations:
            raise AssertionError(f"invariants are violated: {violations[:3]}")
        if self.stack.bank:
            self._compare_books(self.stack.bank.address)

    def _compare_books(self, address: str) -> None:
        with closing(demo_bank.connect(address)) as provider:
            found = payment_book.compare_with(self.stack.database, provider)
        if found.comparison is None or found.comparison.differences:
            raise AssertionError(f"the bank's book differs from ours: {found}")


@contextmanager
def rig(database: str, more: Mapping[str, str] | None = None, bank: Bank = Bank.EMBEDDED) -> Iterator[Rig]:
    """Start everything on `sqlite` or `postgres`, with these additional settings; stop it at the end of the block."""
    settings = {**LOCAL_ONLY, **API_SETTINGS, **_QUIET, **(more or {})}
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="changeover-bench-")))
        server = stack.enter_context(postgres()) if database == "postgres" else None
        url = new_database(server.url, "bench") if server else None
        ports = replace(Ports.free(), temporal_metrics=free_port())
        running = stack.enter_context(Stack(data, ports, url, with_bank=bank is Bank.EXTERNAL, more=settings))
        command = [sys.executable, "-m", "bench.bare"]
        bare = Child("bare", command, data / "bare.log", {"TEMPORAL_ADDRESS": running.temporal})
        bare.start()
        stack.callback(bare.stop)
        yield Rig(running, (bare,), server, data, key_for(running.database))
