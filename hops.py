"""Tasks that do nothing, dispatched back to back by Temporal: a run on a queue of its own, polled by hand.

No worker, nothing cached, and nothing of an order. Each task is asked for anew, so that it goes the whole way through
Temporal's queues. A run is one billed action, however many tasks it has.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from time import perf_counter

from temporalio.api.command.v1 import Command, CompleteWorkflowExecutionCommandAttributes
from temporalio.api.enums.v1 import CommandType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest, RespondWorkflowTaskCompletedRequest
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from temporal.names import MEASURE_DISPATCH, MEASURE_DISPATCH_ID, MEASURE_DISPATCH_QUEUE

RATION = 20
"""So many a second, of all orders of a shard together, are dispatched by a server nobody tuned."""
BURST = 30
"""It lets a burst of 20 go by first; the others are to be sure."""
LOOK_SECONDS = 4.0
"""A server that has not shown by then that it does not ration is slow, or its machine had other things to do."""
LONGEST_SECONDS = 7.0
"""How long one is looked at whose median is fast nevertheless."""
_TURN_SECONDS = 0.2
# A task that was handed to somebody who has gone comes again.
_TASK_LOST = timedelta(seconds=2)
_DONE = Command(
    command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
    complete_workflow_execution_command_attributes=CompleteWorkflowExecutionCommandAttributes(),
)


@dataclass
class _Run:
    """The run whose tasks are dispatched, and the task at hand."""

    client: Client
    longest: timedelta
    task: bytes = b""

    async def take_turn(self) -> None:
        """Start the run, once whoever else measures has done; one whose measurer died ends by itself."""
        while True:
            try:
                await self.client.start_workflow(
                    MEASURE_DISPATCH,
                    id=MEASURE_DISPATCH_ID,
                    task_queue=MEASURE_DISPATCH_QUEUE,
                    execution_timeout=self.longest,
                    task_timeout=_TASK_LOST,
                    static_summary="How long Temporal takes to dispatch a task; no order is concerned",
                )
            except WorkflowAlreadyStartedError:
                await asyncio.sleep(_TURN_SECONDS)
            else:
                # Not earlier: it would take a task from whoever measured before.
                self.task = await self._next()
                return

    async def hop(self) -> float:
        """Answer the task at hand and wait for the next; return how long that took."""
        began = perf_counter()
        # Already waiting when it comes, as workers are.
        self.task, _ = await asyncio.gather(self._next(), self._answer())
        return perf_counter() - began

    async def end(self) -> None:
        """Complete the run."""
        await self._answer(_DONE)

    async def _next(self) -> bytes:
        request = PollWorkflowTaskQueueRequest(
            namespace=self.client.namespace,
            task_queue=TaskQueue(name=MEASURE_DISPATCH_QUEUE),
            identity=self.client.identity,
        )
        return (await self.client.workflow_service.poll_workflow_task_queue(request, timeout=self.longest)).task_token

    async def _answer(self, *commands: Command) -> None:
        """Answer the task at hand; without a command, so that another one follows."""
        request = RespondWorkflowTaskCompletedRequest(
            task_token=self.task,
            namespace=self.client.namespace,
            identity=self.client.identity,
            commands=commands,
            force_create_new_workflow_task=not commands,
        )
        await self.client.workflow_service.respond_workflow_task_completed(request)


@dataclass(frozen=True)
class Dispatches:
    """How it went."""

    seconds: float
    """The median, once a burst has gone by."""
    free: bool
    """Whether there were more of them than a server that rations lets by, however busy the machine was."""


async def dispatched(client: Client, fast: float, longest: timedelta) -> Dispatches:
    """Have tasks dispatched until it is plain that they are not rationed, or that they are not fast.

    Waits while somebody else measures. A run that is not brought to its end is ended by Temporal after the longest.
    """
    run = _Run(client, longest)
    await run.take_turn()
    took: list[float] = []
    began, elapsed, left = perf_counter(), 0.0, float(BURST)
    while left >= 0 and (elapsed < LOOK_SECONDS or (_median(took) <= fast and elapsed < LONGEST_SECONDS)):
        took.append(await run.hop())
        elapsed = perf_counter() - began
        # What a server that rations would have left to give.
        left = min(BURST, left + RATION * took[-1]) - 1
    await run.end()
    return Dispatches(_median(took), free=left < 0)


def _median(took: list[float]) -> float:
    return median(took[len(took) // 2 :])
