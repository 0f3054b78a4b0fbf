"""A run may forget what it did: the workflow task in which it did it was lost after the outcome was written.

Here the run is reset to the point before a request, and then receives the request again or never. Both happen
when a worker, or Temporal, dies at the wrong moment.
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
from tests.support.phases import violations_of
from tests.support.world import CARD, Answer, World

pytestmark = pytest.mark.faults

REAPPLIED = pytest.mark.parametrize("again", [True, False], ids=["received again", "never received again"])


async def reset_before(world: World, order: str, answer: Answer, *, again: bool) -> None:
    """Reset the run of an order to the point before a request that was done."""
    assert answer.status == 200, answer.body
    execution = WorkflowExecution(workflow_id=world.workflow(order).id)
    exclude = [] if again else [ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE]
    request = ResetWorkflowExecutionRequest(
        namespace=world.client.namespace,
        workflow_execution=execution,
        reason="its last task was lost",
        request_id=answer.change,
        workflow_task_finish_event_id=await find_task_of(world, order, answer.change),
        reset_reapply_exclude_types=exclude,
    )
    await world.client.workflow_service.reset_workflow_execution(request)


async def find_task_of(world: World, order: str, change: str) -> int:
    """Return the event that ends the workflow task in which a request was accepted."""
    history = await world.workflow(order).fetch_history()
    ended = 0
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            ended = event.event_id
        if event.workflow_execution_update_accepted_event_attributes.protocol_instance_id == change:
            return ended
    raise LookupError("the run did not accept the request")


@REAPPLIED
async def test_a_discard_undoes_a_change_its_run_forgot(world: World, *, again: bool) -> None:
    order, before = await world.open_draft()
    await reset_before(world, order, await world.upgrade(order), again=again)
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
    assert len(world.seats_of(order)) == 1
    assert violations_of(world, order) == []


@pytest.mark.parametrize("broken", [Fault.LOST, Fault.TWICE])
async def test_a_draft_is_closed_though_the_search_for_unfinished_work_fails_once(world: World, broken: Fault) -> None:
    order, before = await world.open_draft()
    await reset_before(world, order, await world.upgrade(order), again=False)
    armed = world.faults.arm(order, StepName.FIND_UNFINISHED_WORK, broken)
    assert (await world.discard(order)).status == 200
    assert armed.fired == 1
    assert world.snapshot(order) == before
    assert violations_of(world, order) == []


@REAPPLIED
async def test_a_discard_voids_a_payment_its_run_forgot(world: World, *, again: bool) -> None:
    order, before = await world.open_draft()
    await reset_before(world, order, await world.pay(order, "30.00"), again=again)
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
    assert world.at_most_once(order)
    assert violations_of(world, order) == []


@REAPPLIED
async def test_expiry_undoes_a_change_its_run_forgot(world: World, *, again: bool) -> None:
    order, before = await world.open_draft()
    await reset_before(world, order, await world.upgrade(order), again=again)
    assert await pass_time(world, order) == "COMPLETED"
    assert world.snapshot(order) == before
    assert violations_of(world, order) == []


@REAPPLIED
async def test_a_draft_does_not_expire_before_a_deadline_its_run_forgot(world: World, *, again: bool) -> None:
    order, before = await world.open_draft()
    deadline = (world.components.store.now() + 2 * LATER).isoformat()
    answer = await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": deadline})
    await reset_before(world, order, answer, again=again)
    await TimeSkipper(world.client).fast_forward(world.workflow(order), LATER)
    async with asyncio.timeout(20):
        while StepName.FIND_UNFINISHED_WORK not in world.faults.ran[order]:  # noqa: ASYNC110 - the old timer fires some time
            await asyncio.sleep(0.05)
    assert (await world.show(order))["draft"] is not None
    assert await pass_time(world, order, LATER + timedelta(minutes=1)) == "COMPLETED"
    assert world.snapshot(order) == before
    assert violations_of(world, order) == []


async def test_a_confirmation_its_run_forgot_is_never_undone(world: World) -> None:
    order, _ = await world.open_draft()
    answer = await world.confirm(order, CARD)
    after = world.snapshot(order)
    await reset_before(world, order, answer, again=False)
    assert (await world.discard(order)).status == 200
    assert await pass_time(world, order) == "COMPLETED"
    assert world.snapshot(order) == after
    assert violations_of(world, order) == []
