"""A run may forget what it did: the task in which it did it was lost after the outcome was written.

Here the run is reset to before a request, which it then hears of again or never: both happen when a worker,
or Temporal, dies at the wrong moment.
"""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.testing import TimeSkipper

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.guarantees.test_expiry import LATER, pass_time
from tests.guarantees.test_recovery import wrong_with
from tests.support.world import CARD, Answer, World

pytestmark = pytest.mark.faults

HEARD_AGAIN = pytest.mark.parametrize("again", [True, False], ids=["heard again", "never heard again"])


async def forgotten(world: World, order: str, asked: Answer, *, again: bool) -> None:
    """Let an order's run forget a request that was done."""
    assert asked.status == 200, asked.body
    execution = WorkflowExecution(workflow_id=world.workflow(order).id)
    exclude = [] if again else [ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE]
    request = ResetWorkflowExecutionRequest(
        namespace=world.client.namespace,
        workflow_execution=execution,
        reason="its last task was lost",
        request_id=asked.change,
        workflow_task_finish_event_id=await task_of(world, order, asked.change),
        reset_reapply_exclude_types=exclude,
    )
    await world.client.workflow_service.reset_workflow_execution(request)


async def task_of(world: World, order: str, change: str) -> int:
    """Return the event that ends the task in which a request was taken up."""
    history = await world.workflow(order).fetch_history()
    ended = 0
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            ended = event.event_id
        if event.workflow_execution_update_accepted_event_attributes.protocol_instance_id == change:
            return ended
    raise LookupError("the run never took it up")


@HEARD_AGAIN
async def test_a_discard_undoes_a_change_its_run_forgot(world: World, *, again: bool) -> None:
    order, before = await world.open_draft()
    await forgotten(world, order, await world.upgrade(order), again=again)
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
    assert len(world.seats_of(order)) == 1
    assert wrong_with(world, order) == []


@pytest.mark.parametrize("broken", [Fault.LOST, Fault.TWICE])
async def test_a_draft_is_closed_though_the_search_for_unfinished_work_fails_once(world: World, broken: Fault) -> None:
    order, before = await world.open_draft()
    await forgotten(world, order, await world.upgrade(order), again=False)
    armed = world.faults.arm(order, StepName.FIND_UNFINISHED_WORK, broken)
    assert (await world.discard(order)).status == 200
    assert armed.fired == 1
    assert world.snapshot(order) == before
    assert wrong_with(world, order) == []


@HEARD_AGAIN
async def test_a_discard_voids_a_payment_its_run_forgot(world: World, *, again: bool) -> None:
    order, before = await world.open_draft()
    await forgotten(world, order, await world.pay(order, "30.00"), again=again)
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
    assert world.at_most_once(order)
    assert wrong_with(world, order) == []


@HEARD_AGAIN
async def test_expiry_undoes_a_change_its_run_forgot(world: World, *, again: bool) -> None:
    order, before = await world.open_draft()
    await forgotten(world, order, await world.upgrade(order), again=again)
    assert await pass_time(world, order) == "COMPLETED"
    assert world.snapshot(order) == before
    assert wrong_with(world, order) == []


@HEARD_AGAIN
async def test_a_draft_does_not_expire_before_a_deadline_its_run_forgot(world: World, *, again: bool) -> None:
    order, before = await world.open_draft()
    until = (world.components.store.now() + 2 * LATER).isoformat()
    asked = await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": until})
    await forgotten(world, order, asked, again=again)
    await TimeSkipper(world.client).fast_forward(world.workflow(order), LATER)
    async with asyncio.timeout(20):
        while StepName.FIND_UNFINISHED_WORK not in world.faults.ran[order]:  # noqa: ASYNC110 - the old deadline rings some time
            await asyncio.sleep(0.05)
    assert (await world.show(order))["draft"] is not None
    assert await pass_time(world, order, LATER + timedelta(minutes=1)) == "COMPLETED"
    assert world.snapshot(order) == before
    assert wrong_with(world, order) == []


async def test_a_confirmation_its_run_forgot_is_never_undone(world: World) -> None:
    order, _ = await world.open_draft()
    asked = await world.confirm(order, CARD)
    after = world.snapshot(order)
    await forgotten(world, order, asked, again=False)
    assert (await world.discard(order)).status == 200
    assert await pass_time(world, order) == "COMPLETED"
    assert world.snapshot(order) == after
    assert wrong_with(world, order) == []
