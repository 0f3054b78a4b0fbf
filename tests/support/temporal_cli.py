"""Runs Temporal's own command line, as an operator does."""

import asyncio
import subprocess

from cli.temporal_server import temporal_binary
from temporal.names import draft_id
from tests.support.world import World


async def run_temporal_cli(world: World, order: str, verb: str, *flags: str) -> None:
    """Run `terminate`, `reset`, `delete` or `cancel` on an order's workflow."""
    where = ("--address", world.client.service_client.config.target_host, "--namespace", world.client.namespace)
    command = ("workflow", verb, "--workflow-id", draft_id(order), *flags, *where)
    pipe = subprocess.PIPE
    done = await asyncio.create_subprocess_exec(temporal_binary(), *command, stdout=pipe, stderr=subprocess.STDOUT)
    output, _ = await done.communicate()
    assert done.returncode == 0, output.decode()


TERMINATE = ("terminate", "--reason", "terminated by mistake")
DELETE = ("delete", "--yes")
RESET_TO_FIRST = ("reset", "--type", "FirstWorkflowTask", "--reason", "terminated by mistake")
RESET_TO_LAST = ("reset", "--type", "LastWorkflowTask", "--reason", "terminated by mistake")
