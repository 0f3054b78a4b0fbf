"""Checks the workers that poll our task queues: their builds, and when they last polled."""

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
"""A worker polls at least once a minute; Temporal lists it for five more minutes."""
_WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


async def check_pollers(client: Client, external: Sequence[System], options: str) -> AsyncIterator[Finding]:
    """Check the workers of each queue and their builds. `options` are the command-line options of this Temporal."""
    workers = await _find_pollers(client, ORDERS_QUEUE, _WORKFLOWS)
    yield _check_queue(workers, ORDERS_QUEUE)
    for system in external:
        yield _check_queue(await _find_pollers(client, queue_of(system), _ACTIVITIES), queue_of(system))
    for each in _check_builds(workers, await _find_current_build(client), options):
        yield each


async def _find_pollers(client: Client, queue: str, kind: "TaskQueueType.ValueType") -> list[PollerInfo]:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    pollers = (await client.workflow_service.describe_task_queue(request)).pollers
    return [each for each in pollers if utc_now() - _last_poll(each) < GONE]


def _last_poll(poller: PollerInfo) -> datetime:
    return poller.last_access_time.ToDatetime(UTC)


def _check_queue(pollers: Sequence[PollerInfo], queue: str) -> Finding:
    if not pollers:
        return bad(f"no worker polls queue `{queue}`", "`./changeover worker`")
    seconds = max(0.0, (utc_now() - max(map(_last_poll, pollers))).total_seconds())
    return ok(f"queue `{queue}`: workers {len({each.identity for each in pollers})}, last poll {seconds:.0f} s ago")


async def _find_current_build(client: Client) -> str | None:
    """Return the build on which new drafts start, if one is current."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    try:
        deployment = await client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
    routing = deployment.worker_deployment_info.routing_config
    return routing.current_deployment_version.build_id or None


def _check_builds(pollers: Sequence[PollerInfo], current: str | None, options: str) -> Iterator[Finding]:
    builds = sorted({each.deployment_options.build_id for each in pollers if _is_versioned(each)})
    unversioned = any(not _is_versioned(each) for each in pollers)
    newest = builds[-1] if builds else current
    set_current = f"worker deployment set-current-version --deployment-name {DEPLOYMENT} --build-id {newest} --yes"
    if builds and current is None:
        problem = f"workers of build {', '.join(builds)}, none of which is current: they do nothing"
        yield bad(problem, f"`{temporal_binary()} {set_current} {options}`")
    elif current is not None and current not in builds:
        fix = f"`CHANGEOVER_BUILD={current} ./changeover worker`"
        yield bad(f"no worker of the current build {current}", fix)
    elif len(builds) > 1:
        others = ", ".join(each for each in builds if each != current)
        yield note(
            f"several builds: {current} is current, beside {others}",
            "stop a build once it is drained: docs/releasing.md",
        )
    if builds and unversioned:
        yield note("some workers have a build and some have none", "set CHANGEOVER_BUILD for each: docs/releasing.md")


def _is_versioned(poller: PollerInfo) -> bool:
    return poller.deployment_options.worker_versioning_mode == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
