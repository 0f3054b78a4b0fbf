"""A real Temporal server for the tests: a child process with our tuning, its state in memory or in a file."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from cli.processes import Child
from cli.temporal_server import server_command
from telemetry.loopback import HOST, free_port
from tests.support.leak_detection import search_temporal

NAMESPACES = (
    "sqlite",
    "postgres",
    "killable-sqlite",
    "killable-postgres",
    "killed",
    "uncached",
    "builds",
    "rehearsed-formats",
    "rehearsed-patch",
    "rehearsed-builds",
    "released-before",
    "released-beside",
    "released-build",
    "holds-sqlite",
    "holds-postgres",
    "traced",
    "by-hand-sqlite",
    "by-hand-postgres",
    "refused-refunds-sqlite",
    "refused-refunds-postgres",
    "provider-events-sqlite",
    "provider-events-postgres",
    "settlement-moves-sqlite",
    "settlement-moves-postgres",
    "refunds-killed-sqlite",
    "refunds-killed-postgres",
    "at-risk-sqlite",
    "at-risk-postgres",
    "new-step-sqlite",
    "new-step-postgres",
    "new-step-outside-sqlite",
    "new-step-outside-postgres",
    "new-step-killed",
    "new-undo-killed",
    "outside",
    "books-sqlite",
    "books-postgres",
    "outside-sqlite",
    "outside-postgres",
    "shop-sqlite",
    "shop-postgres",
    "brief-sqlite",
    "brief-postgres",
    "groups-beside-seats-sqlite",
    "groups-beside-seats-postgres",
    "groups-beside-all-sqlite",
    "groups-beside-all-postgres",
    *(f"outside-{which}-{kind}" for which in ("seats", "bank", "both", "none") for kind in ("sqlite", "postgres")),
    *(
        f"reversal-killed-{which}-{kind}"
        for which in ("seats", "bank", "both", "none")
        for kind in ("sqlite", "postgres")
    ),
    *(
        f"reseat-{which}-{kind}"
        for which in ("seats", "bank", "both", "none", "itself-seats", "itself-none")
        for kind in ("sqlite", "postgres")
    ),
    "wrong-seats-sqlite",
    "wrong-seats-postgres",
    "pending-seats-sqlite",
    "pending-seats-postgres",
    "lost-seat-answers-sqlite",
    "lost-seat-answers-postgres",
    "seat-books-sqlite",
    "seat-books-postgres",
    "lying-sqlite",
    "lying-postgres",
    "seats-gone-embedded-sqlite",
    "seats-gone-embedded-postgres",
    "seats-gone-external-sqlite",
    "seats-gone-external-postgres",
)
START_SECONDS = 30
ARTIFACTS = Path(__file__).parents[2] / "artifacts"


@dataclass
class TemporalServer:
    """A server that can be killed and started again, at the same address and with the state it kept."""

    address: str
    child: Child

    def kill(self) -> None:
        """Kill the server with kill -9."""
        self.child.kill()

    async def start(self) -> None:
        """Start the server and wait until it answers."""
        self.child.start()
        async with asyncio.timeout(START_SECONDS):
            while True:
                assert not self.child.ended, self.child.tail()
                try:
                    await Client.connect(self.address, namespace=NAMESPACES[-1])
                except RuntimeError:
                    await asyncio.sleep(0.1)
                else:
                    return


@asynccontextmanager
async def temporal_server(
    state_file: Path | None = None, dynamic: Sequence[str] = (), web_ui: int | None = None
) -> AsyncIterator[TemporalServer]:
    """Start a server with a namespace for each installation, on which tests can skip time.

    Its state is in memory unless a file is given. Without a port for it there is no Web UI.
    """
    port = free_port()
    command = server_command(port, web_ui, state_file, ["frontend.WorkflowTimeSkippingEnabled=true", *dynamic])
    async with _serving(port, command) as server:
        yield server


@asynccontextmanager
async def _serving(port: int, command: Sequence[str]) -> AsyncIterator[TemporalServer]:
    namespaces = [word for namespace in NAMESPACES for word in ("--namespace", namespace)]
    ARTIFACTS.mkdir(exist_ok=True)
    child = Child("temporal", [*command, *namespaces], ARTIFACTS / f"temporal-{os.getpid()}.log")
    server = TemporalServer(f"{HOST}:{port}", child)
    try:
        await server.start()
        yield server
        await search_temporal(server.address)
        assert not child.ended, f"the Temporal server died: {child.tail()}"
    finally:
        child.stop()
