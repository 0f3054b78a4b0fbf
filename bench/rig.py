"""Everything that is measured, started afresh: a tuned Temporal server, a database, our processes, the bare worker."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.credentials import API_SETTINGS, key_for
from bench.processes import Processes
from bench.scraping import read_counter
from cli.processes import Child
from cli.stack import ALONE, Ports, Stack
from store import invariants
from store.database.store import Store
from telemetry.loopback import free_port
from tests.support.postgres import Postgres, new_database, postgres

_QUIET = {"CHANGEOVER_RECONCILE_EVERY": "PT6H"}
"""The schedule that compares the books would be counted with whatever is measured when it runs."""


@dataclass(frozen=True)
class Rig:
    """The parts, started."""

    stack: Stack
    bare: Child
    postgres: Postgres | None
    """The PostgreSQL server, where that is the database."""
    data: Path
    key: str
    """By which the API knows who measures."""

    @property
    def processes(self) -> Processes:
        """The processes to be sampled."""
        roots = {child.name: child.process.pid for child in (*self.stack.children, self.bare) if child.process}
        if self.postgres:
            roots["database"] = self.postgres.pid
        return Processes(roots | {"client": os.getpid()})

    def actions(self) -> float:
        """Return how many billed actions the server has counted in our namespace."""
        return read_counter(self.stack.ports.temporal_metrics, "action", 'namespace="default"')

    def check(self) -> None:
        """Raise AssertionError unless the books are right."""
        store = Store(self.stack.database)
        with store.read() as tx:
            wrong = list(invariants.violations(tx))
        store.close()
        if wrong:
            raise AssertionError(f"the books are wrong: {wrong[:3]}")


@contextmanager
def rig(database: str, more: Mapping[str, str] | None = None) -> Iterator[Rig]:
    """Start everything on `sqlite` or `postgres`, with these settings; end it with the block."""
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="changeover-bench-")))
        bank = stack.enter_context(postgres()) if database == "postgres" else None
        url = new_database(bank.url, "bench") if bank else None
        ports = replace(Ports.free(), temporal_metrics=free_port())
        running = stack.enter_context(Stack(data, ports, url, more={**ALONE, **API_SETTINGS, **_QUIET, **(more or {})}))
        us = [sys.executable, "-m", "bench.bare"]
        bare = Child("bare", us, data / "bare.log", {"TEMPORAL_ADDRESS": running.temporal})
        bare.start()
        stack.callback(bare.stop)
        yield Rig(running, bare, bank, data, key_for(running.database))
