"""A rig: a tuned Temporal server, a database, our processes and the bare workflows' worker, all newly started."""

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
from cli.stack import LOCAL_ONLY, Ports, Stack
from store import invariants
from store.database.store import Store
from telemetry.loopback import free_port
from tests.support.postgres import Postgres, new_database, postgres

_QUIET = {"CHANGEOVER_RECONCILE_EVERY": "PT6H"}
"""The schedule that reconciles would be measured together with the run during which it starts."""


@dataclass(frozen=True)
class Rig:
    """The running processes."""

    stack: Stack
    bare: Child
    postgres: Postgres | None
    """The PostgreSQL server, if that is the database."""
    data: Path
    key: str
    """The bench's API key."""

    @property
    def processes(self) -> Processes:
        """The processes to sample."""
        roots = {child.name: child.process.pid for child in (*self.stack.children, self.bare) if child.process}
        if self.postgres:
            roots["database"] = self.postgres.pid
        return Processes(roots | {"client": os.getpid()})

    def actions(self) -> float:
        """Return the billed actions that the server has counted in our namespace."""
        return read_counter(self.stack.ports.temporal_metrics, "action", 'namespace="default"')

    def check(self) -> None:
        """Raise AssertionError if an invariant is violated."""
        store = Store(self.stack.database)
        with store.read() as tx:
            violations = list(invariants.violations(tx))
        store.close()
        if violations:
            raise AssertionError(f"invariants are violated: {violations[:3]}")


@contextmanager
def rig(database: str, more: Mapping[str, str] | None = None) -> Iterator[Rig]:
    """Start everything on `sqlite` or `postgres`, with these additional settings; stop it at the end of the block."""
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="changeover-bench-")))
        server = stack.enter_context(postgres()) if database == "postgres" else None
        url = new_database(server.url, "bench") if server else None
        ports = replace(Ports.free(), temporal_metrics=free_port())
        running = stack.enter_context(
            Stack(data, ports, url, more={**LOCAL_ONLY, **API_SETTINGS, **_QUIET, **(more or {})})
        )
        command = [sys.executable, "-m", "bench.bare"]
        bare = Child("bare", command, data / "bare.log", {"TEMPORAL_ADDRESS": running.temporal})
        bare.start()
        stack.callback(bare.stop)
        yield Rig(running, bare, server, data, key_for(running.database))
