"""An operator with Temporal's own command line."""

import asyncio
import subprocess

from cli.temporal_server import temporal_binary
from temporal.names import draft_id
from tests.support.world import World


async def run_temporal_cli(world: World, order: str, verb: str, *flags: str) -> None:
    """Do something to an order's workflow: `terminate`, `reset`, `delete`, `cancel`."""
    where = ("--address", world.client.service_client.config.target_host, "--namespace", world.client.namespace)
    command = ("workflow", verb, "--workflow-id", draft_id(order), *flags, *where)
    pipe = subprocess.PIPE
    done = await asyncio.create_subprocess_exec(temporal_binary(), *command, stdout=pipe, stderr=subprocess.STDOUT)
    said, _ = await done.communicate()
    assert done.returncode == 0, said.decode()


TERMINATE = ("terminate", "--reason", "somebody pressed the wrong button")
DELETE = ("delete", "--yes")
RESET_TO_FIRST = ("reset", "--type", "FirstWorkflowTask", "--reason", "somebody pressed the wrong button")
RESET_TO_LAST = ("reset", "--type", "LastWorkflowTask", "--reason", "somebody pressed the wrong button")
