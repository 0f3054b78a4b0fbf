"""Who asks Temporal for our work: workers, of which build, and when they asked last."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from cli.doctor.findings import Finding, bad, note, ok
from cli.temporal_server import temporal_binary
from store.database.store import utc_now
from temporal.names import DEPLOYMENT, ORDERS_QUEUE, System, queue_of

GONE = timedelta(seconds=90)
"""A worker asks anew at least every minute; Temporal remembers it five minutes longer."""
_WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


async def pollers(client: Client, outside: Sequence[System], where: str) -> AsyncIterator[Finding]:
    """Look at who works on our queues."""
    found = await _asking(client, ORDERS_QUEUE, _WORKFLOWS)
    yield _working(found, ORDERS_QUEUE)
    for place in outside:
        yield _working(await _asking(client, queue_of(place), _ACTIVITIES), queue_of(place))
    for each in _builds(found, await _current(client), where):
        yield each


async def _asking(client: Client, queue: str, kind: "TaskQueueType.ValueType") -> list[PollerInfo]:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    found = (await client.workflow_service.describe_task_queue(request)).pollers
    return [each for each in found if utc_now() - _last(each) < GONE]


def _last(poller: PollerInfo) -> datetime:
    return poller.last_access_time.ToDatetime(UTC)


def _working(found: Sequence[PollerInfo], queue: str) -> Finding:
    if not found:
        return bad(f"no worker asks for the work of queue `{queue}`", "`./changeover worker`")
    seconds = max(0.0, (utc_now() - max(map(_last, found))).total_seconds())
    return ok(f"queue `{queue}`: workers {len({each.identity for each in found})}, last heard {seconds:.0f} s ago")


async def _current(client: Client) -> str | None:
    """Return the build new drafts begin on, if one is named."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    try:
        found = await client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
    routing = found.worker_deployment_info.routing_config
    return routing.current_deployment_version.build_id or None


def _builds(found: Sequence[PollerInfo], current: str | None, where: str) -> Iterator[Finding]:
    named = sorted({each.deployment_options.build_id for each in found if _is_named(each)})
    unnamed = any(not _is_named(each) for each in found)
    newest = named[-1] if named else current
    become = f"worker deployment set-current-version --deployment-name {DEPLOYMENT} --build-id {newest} --yes"
    if named and current is None:
        what = f"workers of build {', '.join(named)}, none of which is current: they do nothing"
        yield bad(what, f"`{temporal_binary()} {become} {where}`")
    elif current is not None and current not in named:
        mend = f"`CHANGEOVER_BUILD={current} ./changeover worker`"
        yield bad(f"no worker of build {current}, which is current", mend)
    elif len(named) > 1:
        others = ", ".join(each for each in named if each != current)
        yield note(f"two builds: {current} is current, beside {others}", "end a build once drained: docs/releasing.md")
    if named and unnamed:
        yield note("workers with and without a build beside each other", "give each its build: docs/releasing.md")


def _is_named(poller: PollerInfo) -> bool:
    return poller.deployment_options.worker_versioning_mode == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
