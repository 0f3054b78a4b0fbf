"""Sends requests to an order's workflow. The result of a request is read from its row, never from Temporal."""

import asyncio
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
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

from temporal.messages import Progress, RequestInput, RequestResult, StartDraft, StuckStep
from temporal.names import (
    DRAFT_CLOSING,
    NEWER_WORKER_NEEDED,
    ORDERS_QUEUE,
    PROVIDER_EVENT,
    QUEUE_FULL,
    System,
    draft_id,
)
from temporal.search_attributes import CHANGE_KIND, CHANNEL, CORRELATION_ID, ORDER_NUMBER, keyword
from workflows.order_draft import OrderDraft

RETRY_FOR = timedelta(seconds=10)
# A closing run ends within milliseconds, so the first pause is short. Behind a full queue many clients retry, so the
# pause doubles.
FIRST_RETRY_PAUSE = timedelta(milliseconds=50)
MAX_RETRY_PAUSE = timedelta(seconds=1)
MIN_ACCEPT_TIMEOUT = timedelta(seconds=5)
MIN_RESULT_TIMEOUT = timedelta(milliseconds=20)
PROGRESS_TIMEOUT = timedelta(seconds=2)
# Temporal notices after this time that a worker died while it processed a workflow task.
TASK_TIMEOUT = timedelta(seconds=5)


# The run ended while it received the update: it recorded nothing, and the next run gets the update.
_RUN_ENDED = (RPCStatusCode.NOT_FOUND, RPCStatusCode.ABORTED, RPCStatusCode.RESOURCE_EXHAUSTED)
_SCHEDULED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
_CANCELLED = PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
_ENDED_DURING_UPDATE = "AcceptedUpdateCompletedWorkflow"


class TemporalUnavailableError(Exception):
    """Temporal does not answer, or no worker accepted the request."""


class NoNewerWorkerError(Exception):
    """No worker of the run knows the request's format; the request stays stored, and waits for a newer worker."""


@dataclass(frozen=True)
class SubmitRequest:
    """What the workflow needs of a recorded request."""

    kind: str
    change: str
    order: str
    channel: str | None
    correlation_id: str
    update_id: str = ""
    """The id of the update, if it is not the change's own."""
    left_before: bool = False
    """Whether an earlier attempt may have been left to a newer worker. Temporal keeps the answer to an update."""


class QueueFullError(Exception):
    """The order's queue of requests stayed full during every retry."""


class OrderWorkflowClient:
    """Sends recorded requests to the workflows of orders."""

    def __init__(
        self,
        client: Client,
        external_systems: tuple[System, ...] = (),
        retry_for: timedelta = RETRY_FOR,
        *,
        reseats_by_itself: bool = False,
    ) -> None:
        self.client = client
        """The Temporal client."""
        self._settings = {"external_systems": external_systems, "reseats_by_itself": reseats_by_itself}
        """Of the installation, for the runs that this client starts."""
        self._retry_for = retry_for

    async def submit(self, request: SubmitRequest, wait: timedelta | None) -> None:
        """Send a request to the order's workflow and wait for its end; start a workflow if none runs.

        Return when the request has ended or `wait` has passed; without `wait`, once the workflow accepted it.
        Raise TemporalUnavailableError if the workflow did not accept it, QueueFullError and NoNewerWorkerError.
        """
        clock = asyncio.get_running_loop().time
        started, pause, may_repeat = clock(), FIRST_RETRY_PAUSE, True
        until = started + wait.total_seconds() if wait else started
        while await self._try_submit(request, until, may_repeat=may_repeat):
            may_repeat = False
            if clock() >= started + self._retry_for.total_seconds():
                raise QueueFullError
            await asyncio.sleep(pause.total_seconds())
            pause = min(2 * pause, MAX_RETRY_PAUSE)

    async def signal_event(self, request: SubmitRequest) -> None:
        """Send a recorded event of a provider to the order's workflow; start a workflow if none runs.

        Return when Temporal has it: then the workflow serves it in its turn. Raise TemporalUnavailableError.
        """
        try:
            async with asyncio.timeout(MIN_ACCEPT_TIMEOUT.total_seconds()):
                await self.client.start_workflow(
                    OrderDraft.run,
                    StartDraft(order=request.order, **self._settings),
                    start_signal=PROVIDER_EVENT,
                    start_signal_args=[RequestInput(change=request.change)],
                    **self._run_options(request),
                )
        except (TimeoutError, RuntimeError, RPCError) as error:
            raise TemporalUnavailableError from error

    async def _try_submit(self, request: SubmitRequest, until: float, *, may_repeat: bool) -> bool:
        """Send the request to one run and wait for its end until `until`.

        Return True if the request must be sent again: the run rejects it, because it is closing or its queue is full,
        or, if `may_repeat`, its task failed with the request in it.
        """
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(max(until, clock() + MIN_ACCEPT_TIMEOUT.total_seconds())):
                handle = await self._wait_accepted(request)
        except (TimeoutError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            raise TemporalUnavailableError from error
        except RPCError as error:
            # A task that fails may have ended the run, while a cancellation came in; another one fails again and again.
            task_failed = error.status is RPCStatusCode.FAILED_PRECONDITION
            if error.status in _RUN_ENDED or (task_failed and may_repeat):
                return True
            raise TemporalUnavailableError from error
        try:
            # The wait for acceptance may have used up the client's wait.
            async with asyncio.timeout_at(max(until, clock() + MIN_RESULT_TIMEOUT.total_seconds())):
                await handle.result()
        except (TimeoutError, RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return False
        except WorkflowUpdateFailedError as error:
            code = error.cause.type if isinstance(error.cause, ApplicationError) else None
            if code == NEWER_WORKER_NEEDED and not request.left_before:
                raise NoNewerWorkerError from error
            if code == NEWER_WORKER_NEEDED:
                another = replace(request, update_id=f"{request.change}/{uuid.uuid4()}", left_before=False)
                return await self._try_submit(another, until, may_repeat=may_repeat)
            return code in (DRAFT_CLOSING, QUEUE_FULL, _ENDED_DURING_UPDATE)
        return False

    async def _wait_accepted(self, request: SubmitRequest) -> WorkflowUpdateHandle[RequestResult]:
        start = self._start_operation(request)
        try:
            return await self.client.start_update_with_start_workflow(
                request.kind,
                RequestInput(change=request.change),
                start_workflow_operation=start,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                id=request.update_id or request.change,
                result_type=RequestResult,
            )
        finally:
            await _consume_start_result(start)

    def _start_operation(self, request: SubmitRequest) -> WithStartWorkflowOperation[Any, Any]:
        start = StartDraft(order=request.order, **self._settings)
        return WithStartWorkflowOperation(OrderDraft.run, start, **self._run_options(request))

    def _run_options(self, request: SubmitRequest) -> dict[str, Any]:
        """Return with what a run is started that serves a request first."""
        attributes: list[SearchAttributePair[Any]] = [
            SearchAttributePair(ORDER_NUMBER, request.order),
            SearchAttributePair(CHANGE_KIND, request.kind),
            SearchAttributePair(CORRELATION_ID, keyword(request.correlation_id)),
        ]
        if request.channel:
            attributes.append(SearchAttributePair(CHANNEL, request.channel))
        return {
            "id": draft_id(request.order),
            "task_queue": ORDERS_QUEUE,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "task_timeout": TASK_TIMEOUT,
            "static_summary": f"Draft of order {request.order}",
            "search_attributes": TypedSearchAttributes(attributes),
        }

    async def check(self) -> None:
        """Raise TemporalUnavailableError unless Temporal answers."""
        try:
            async with asyncio.timeout(PROGRESS_TIMEOUT.total_seconds()):
                await self.client.service_client.check_health()
        except (TimeoutError, RPCError, RuntimeError) as error:
            raise TemporalUnavailableError from error

    async def progress(self, order: str) -> Progress | None:
        """Return the progress of the order's workflow; None if the query failed or timed out.

        The attempts of a stuck step that is being retried are those that Temporal counts.
        """
        handle = self.client.get_workflow_handle(draft_id(order))
        try:
            async with asyncio.timeout(PROGRESS_TIMEOUT.total_seconds()):
                progress: Progress = await handle.query(OrderDraft.progress, rpc_timeout=PROGRESS_TIMEOUT)
                if progress.stuck:
                    described = await handle.describe(rpc_timeout=PROGRESS_TIMEOUT)
                    _add_attempts(progress.stuck, described.raw_description.pending_activities)
                return progress
        except (TimeoutError, RPCError, RuntimeError, WorkflowQueryFailedError):
            return None


def _add_attempts(stuck: StuckStep, pending: Iterable[PendingActivityInfo]) -> None:
    """Add what Temporal knows of a stuck step's present activity: its attempts, last failure and next attempt."""
    for activity in pending:
        if activity.activity_type.name != stuck.step or activity.state == _CANCELLED:
            continue
        waits = activity.state == _SCHEDULED
        stuck.attempts += activity.attempt - 1 if waits else activity.attempt
        stuck.code = activity.last_failure.application_failure_info.type or stuck.code
        if waits and activity.attempt > 1:
            stuck.next_at = activity.scheduled_time.ToDatetime(UTC)


async def _consume_start_result(start: WithStartWorkflowOperation[Any, Any]) -> None:
    """Consume the result of the start itself, which is not needed: the update reports errors too.

    An unread exception of a task would be logged by asyncio.
    """
    handle = asyncio.ensure_future(start.workflow_handle())
    await asyncio.wait({handle}, timeout=0)
    if not handle.cancel():
        handle.exception()
