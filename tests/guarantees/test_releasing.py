"""The guarantees of docs/releasing.md: old drafts finish on old or new code, and none fails."""

import asyncio
import subprocess
from collections.abc import AsyncIterator

import pytest
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import EventType, TaskQueueKind
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentVersionRequest
from temporalio.service import RPCError

from cli.temporal_server import temporal_binary
from temporal.names import DEPLOYMENT, StepName
from tests.support import next_release
from tests.support.final_checks import check_histories
from tests.support.installation import running_world
from tests.support.world import CARD, World


@pytest.fixture
async def release() -> AsyncIterator[pytest.MonkeyPatch]:
    """Allows a test to replace our workflow by another release; ours is back at the end of the test."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


async def is_confirmed(world: World, order: str) -> bool:
    """Whether an order is its second version, with exactly its seat and its money."""
    shown = await world.show(order)
    complete = (shown["status"], shown["version"], shown["paid"], shown["balance"]) == (
        "confirmed",
        2,
        "399.00",
        "0.00",
    )
    return complete and len(world.seats_of(order)) == 1 and world.at_most_once(order)


async def test_drafts_end_as_usual_when_no_run_is_kept_in_memory(uncached: World) -> None:
    order, _ = await uncached.open_draft()
    assert (await uncached.upgrade(order)).status == 200
    assert (await uncached.confirm(order, CARD)).status == 200
    assert await is_confirmed(uncached, order)
    other, before = await uncached.open_draft()
    assert (await uncached.discard(other)).status == 200
    assert uncached.snapshot(other) == before
    for each in (order, other):
        await uncached.wait_for_end(each)
        events = (await uncached.workflow(each).fetch_history()).events
        queues = [event.workflow_task_scheduled_event_attributes.task_queue.kind for event in events]
        assert TaskQueueKind.TASK_QUEUE_KIND_STICKY not in queues
        assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in [event.event_type for event in events]
    await check_histories(uncached)


async def test_a_draft_opened_before_a_patched_step_was_added_is_finished_by_the_new_code(
    uncached: World, release: pytest.MonkeyPatch
) -> None:
    order, _ = await uncached.open_draft()
    next_release.added_step_under_a_patch(release)
    assert (await uncached.upgrade(order)).status == 200
    assert (await uncached.confirm(order, CARD)).status == 200
    assert await is_confirmed(uncached, order)
    # The draft ran without the added step before, and continues without it.
    assert uncached.faults.ran[order].count(StepName.FIND_UNFINISHED_WORK) == 0
    new, _ = await uncached.open_draft()
    assert (await uncached.confirm(new, CARD)).status == 200
    assert await is_confirmed(uncached, new)
    assert uncached.faults.ran[new].count(StepName.FIND_UNFINISHED_WORK) == 2


MISMATCHES = [
    pytest.param(next_release.unchanged, next_release.added_step, id="a step added without a patch"),
    pytest.param(next_release.added_step_under_a_patch, next_release.unchanged, id="a patched step rolled back"),
]


@pytest.mark.faults  # Temporal retries a failed task after ten seconds
@pytest.mark.parametrize(("opened_by", "released"), MISMATCHES)
async def test_a_draft_that_the_code_cannot_replay_waits_unharmed_until_the_code_that_can_is_back(
    uncached: World, opened_by: next_release.Release, released: next_release.Release
) -> None:
    with pytest.MonkeyPatch.context() as code:
        opened_by(code)
        order, _ = await uncached.open_draft()
    draft, seats = uncached.snapshot(order), uncached.seats_of(order)
    with pytest.MonkeyPatch.context() as code:
        released(code)
        answer = await uncached.confirm(order, CARD)
        assert answer.status in (202, 503), answer.body
        await wait_until_parked(uncached, order)
        assert (uncached.snapshot(order), uncached.seats_of(order)) == (draft, seats)
    with pytest.MonkeyPatch.context() as code:
        opened_by(code)
        change = answer.change
        async with asyncio.timeout(60):
            while (await uncached.send("GET", f"/v1/changes/{change}")).body["state"] != "done":  # noqa: ASYNC110 - only polling shows it
                await asyncio.sleep(0.1)
    assert await is_confirmed(uncached, order)


async def wait_until_parked(world: World, order: str) -> None:
    """Wait until a workflow task of the order has failed, because other code started the run."""
    async with asyncio.timeout(30):
        while True:
            events = (await world.workflow(order).fetch_history()).events
            if EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED in [event.event_type for event in events]:
                return
            await asyncio.sleep(0.1)


def make_current(temporal: str, build: str) -> None:
    """Send new drafts to a build, by the command of docs/releasing.md."""
    options = ["--address", temporal, "--namespace", "builds", "--deployment-name", DEPLOYMENT, "--build-id", build]
    command = [str(temporal_binary()), "worker", "deployment", "set-current-version", *options, "--yes"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stderr


async def test_a_draft_stays_with_the_build_that_opened_it_while_new_ones_go_to_the_next(
    temporal: str, own_database: str
) -> None:
    async with running_world(own_database, temporal, "builds", build="one") as one:
        await wait_until_known(one, "one")
        make_current(temporal, "one")
        order, before = await one.open_draft()
        other, _ = await one.open_draft()
        async with running_world(own_database, temporal, "builds", build="two") as two:
            await wait_until_known(two, "two")
            make_current(temporal, "two")
            new, _ = await two.open_draft()
            for each in (other, new):
                assert (await two.confirm(each, CARD)).status == 200
                assert await is_confirmed(two, each)
            assert (await two.discard(order)).status == 200
            assert two.snapshot(order) == before
            assert (set(one.faults.ran), set(two.faults.ran)) == ({order, other}, {new})
            await check_histories(two)


async def wait_until_known(world: World, build: str) -> None:
    """Wait until Temporal knows the worker of a build."""
    request = DescribeWorkerDeploymentVersionRequest(
        namespace="builds",
        deployment_version=WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build),
    )
    async with asyncio.timeout(20):
        while True:
            try:
                await world.client.workflow_service.describe_worker_deployment_version(request)
            except RPCError:
                await asyncio.sleep(0.05)
            else:
                return
