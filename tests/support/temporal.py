"""A real Temporal server for the tests: a child process of ours, tuned, everything in memory."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from cli.ports import HOST, free_port
from cli.processes import Child
from cli.temporal_server import server_command

NAMESPACES = ("sqlite", "postgres", "mortal-sqlite", "mortal-postgres", "uncached", "builds", "outside")
START_SECONDS = 30
ARTIFACTS = Path(__file__).parents[2] / "artifacts"


@asynccontextmanager
async def temporal_server(dynamic: Sequence[str] = ()) -> AsyncIterator[str]:
    """Start a server with a namespace for each database, and time that can be skipped."""
    port = free_port()
    command = server_command(port, None, None, ["frontend.WorkflowTimeSkippingEnabled=true", *dynamic])
    for namespace in NAMESPACES:
        command += ["--namespace", namespace]
    ARTIFACTS.mkdir(exist_ok=True)
    child = Child("temporal", command, ARTIFACTS / f"temporal-{os.getpid()}.log")
    child.start()
    try:
        address = f"{HOST}:{port}"
        await _until_up(address, child)
        yield address
        assert not child.ended, f"the Temporal server died: {child.tail()}"
    finally:
        child.stop()


async def _until_up(address: str, child: Child) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            assert not child.ended, child.tail()
            try:
                await Client.connect(address, namespace=NAMESPACES[-1])
            except RuntimeError:
                await asyncio.sleep(0.1)
            else:
                return
