"""The bare workflow: as many steps of the same kinds in the same order as a change, each of which does nothing.

Like our workflow it is started by an update, which returns when all steps have run. `python -m bench.bare` is its
worker: one process with the same cache as ours. Like our worker it runs workflows without the SDK's sandbox; on the
queue `bare-first-versions` it runs them in the sandbox, as the SDK does by default.
"""

import asyncio
import os
import signal
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from workflows.sandbox import runner

QUEUE, FIRST_VERSIONS = "bare", "bare-first-versions"
LOCAL, NORMAL = "L", "N"
_LIMIT = timedelta(seconds=20)


@activity.defn
async def nothing(step: int) -> int:
    """Do nothing."""
    return step


@workflow.defn(name="Bare")
class Bare:
    """Runs the steps of one update and ends."""

    def __init__(self) -> None:
        self._done = False

    @workflow.run
    async def run(self) -> None:
        """Wait for the update."""
        await workflow.wait_condition(lambda: self._done)

    @workflow.update(name="go")
    async def go(self, kinds: str) -> int:
        """Run a step for each letter: L a local activity, N a normal one."""
        for number, kind in enumerate(kinds):
            if kind == LOCAL:
                await workflow.execute_local_activity(nothing, number, start_to_close_timeout=_LIMIT)
            else:
                await workflow.execute_activity(nothing, number, start_to_close_timeout=_LIMIT)
        self._done = True
        return len(kinds)


async def run_bare(client: Client, name: str, kinds: str, queue: str = QUEUE) -> None:
    """Run one bare workflow to its end."""
    start = WithStartWorkflowOperation(
        Bare.run, id=name, task_queue=queue, id_conflict_policy=WorkflowIDConflictPolicy.FAIL
    )
    done = await client.execute_update_with_start_workflow("go", kinds, start_workflow_operation=start, result_type=int)
    if done != len(kinds):
        raise AssertionError(f"{done} of {len(kinds)} steps were run")


async def _work() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])  # noqa: TID251 - as the worker's own environment
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    common: dict[str, Any] = {"workflows": [Bare], "activities": [nothing], "max_cached_workflows": 500}
    like_ours = Worker(client, task_queue=QUEUE, workflow_runner=runner(sandboxed=False), **common)
    async with like_ours, Worker(client, task_queue=FIRST_VERSIONS, **common):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_work())
