"""Asks the order's workflow. What became of a request is read from its row, never from here."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    RPCError,
    WithStartWorkflowOperation,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCStatusCode

from temporal.messages import Progress, RequestInput, RequestResult, StartDraft
from temporal.names import DRAFT_CLOSING, ORDERS_QUEUE, QUEUE_FULL, System, draft_id
from temporal.search_attributes import CHANGE_KIND, CHANNEL, CORRELATION_ID, ORDER_NUMBER
from workflows.order_draft import OrderDraft

ASK_AGAIN_FOR = timedelta(seconds=10)
# A run that ends is over in no time; before a full queue many would ask, each many times.
ASK_AGAIN_FIRST = timedelta(milliseconds=50)
ASK_AGAIN_LAST = timedelta(seconds=1)
SHORTEST_ACCEPT = timedelta(seconds=5)
A_MOMENT = timedelta(milliseconds=20)
PROGRESS_LIMIT = timedelta(seconds=2)
# A worker that dies in the middle of a batch is noticed after this long.
TASK_TIMEOUT = timedelta(seconds=5)


# A run that ends while it is asked: nothing was recorded, the next run is asked.
_ENDED = (RPCStatusCode.NOT_FOUND, RPCStatusCode.ABORTED, RPCStatusCode.RESOURCE_EXHAUSTED)
_ENDED_MEANWHILE = "AcceptedUpdateCompletedWorkflow"


class TemporalUnavailableError(Exception):
    """No worker, or no Temporal, has taken the request."""


@dataclass(frozen=True)
class SubmitRequest:
    """A request that was written down, as far as asking the workflow needs it."""

    kind: str
    change: str
    order: str
    channel: str | None
    correlation_id: str


class QueueFullError(Exception):
    """So many wait for this order that the request found no place, however often it asked."""


class OrderWorkflowClient:
    """Asks workflows to do what was written down."""

    def __init__(
        self, client: Client, outside: tuple[System, ...] = (), ask_again_for: timedelta = ASK_AGAIN_FOR
    ) -> None:
        self.client = client
        """Where the workflows are."""
        self._outside = outside
        self._ask_again_for = ask_again_for

    async def submit(self, request: SubmitRequest, wait: timedelta | None) -> None:
        """Hand a request to the order's workflow, starting one if none runs, and wait for its end.

        Returns when it has ended, when `wait` has passed or, without `wait`, once it was accepted.
        Raises EngineUnreachableError when it was not accepted, and QueueFullError.
        """
        clock = asyncio.get_running_loop().time
        began, pause = clock(), ASK_AGAIN_FIRST
        while await self._try_submit(request, began + wait.total_seconds() if wait else began):
            if clock() >= began + self._ask_again_for.total_seconds():
                raise QueueFullError
            await asyncio.sleep(pause.total_seconds())
            pause = min(2 * pause, ASK_AGAIN_LAST)

    async def _try_submit(self, request: SubmitRequest, until: float) -> bool:
        """Ask one run and wait for its end until then. True when it does not take the request: it ends, or is full."""
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(max(until, clock() + SHORTEST_ACCEPT.total_seconds())):
                handle = await self._accepted(request)
        except (TimeoutError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            raise TemporalUnavailableError from error
        except RPCError as error:
            if error.status in _ENDED:
                return True
            raise TemporalUnavailableError from error
        try:
            # Being accepted may have used up the client's patience.
            async with asyncio.timeout_at(max(until, clock() + A_MOMENT.total_seconds())):
                await handle.result()
        except (TimeoutError, RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return False
        except WorkflowUpdateFailedError as error:
            code = error.cause.type if isinstance(error.cause, ApplicationError) else None
            return code in (DRAFT_CLOSING, QUEUE_FULL, _ENDED_MEANWHILE)
        return False

    async def _accepted(self, request: SubmitRequest) -> WorkflowUpdateHandle[RequestResult]:
        start = self._start(request)
        try:
            return await self.client.start_update_with_start_workflow(
                request.kind,
                RequestInput(change=request.change),
                start_workflow_operation=start,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                id=request.change,
                result_type=RequestResult,
            )
        finally:
            await _drop(start)

    def _start(self, request: SubmitRequest) -> WithStartWorkflowOperation[Any, Any]:
        attributes: list[SearchAttributePair[Any]] = [
            SearchAttributePair(ORDER_NUMBER, request.order),
            SearchAttributePair(CHANGE_KIND, request.kind),
            SearchAttributePair(CORRELATION_ID, request.correlation_id),
        ]
        if request.channel:
            attributes.append(SearchAttributePair(CHANNEL, request.channel))
        return WithStartWorkflowOperation(
            OrderDraft.run,
            StartDraft(order=request.order, external_systems=self._outside),
            id=draft_id(request.order),
            task_queue=ORDERS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=TASK_TIMEOUT,
            static_summary=f"Draft of order {request.order}",
            search_attributes=TypedSearchAttributes(attributes),
        )

    async def check(self) -> None:
        """Raise EngineUnreachableError unless Temporal answers."""
        try:
            async with asyncio.timeout(PROGRESS_LIMIT.total_seconds()):
                await self.client.service_client.check_health()
        except (TimeoutError, RPCError, RuntimeError) as error:
            raise TemporalUnavailableError from error

    async def progress(self, order: str) -> Progress | None:
        """Return what the order's workflow is doing; None when it could not be asked, or could not say."""
        handle = self.client.get_workflow_handle(draft_id(order))
        try:
            async with asyncio.timeout(PROGRESS_LIMIT.total_seconds()):
                return await handle.query(OrderDraft.progress, rpc_timeout=PROGRESS_LIMIT)
        except (TimeoutError, RPCError, RuntimeError, WorkflowQueryFailedError):
            return None


async def _drop(start: WithStartWorkflowOperation[Any, Any]) -> None:
    """Take note of the start's own result, which nobody needs: the update tells enough."""
    handle = asyncio.ensure_future(start.workflow_handle())
    await asyncio.wait({handle}, timeout=0)
    if not handle.cancel():
        handle.exception()
