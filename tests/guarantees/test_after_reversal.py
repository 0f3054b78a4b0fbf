"""What stands once a stuck change was reversed: for its client, for operators, and for a run that forgot it."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.support import final_attempts
from domain import formats
from domain.changes import ChangeKind, ChangeRequest, ChangeState
from providers.errors import ProviderUnavailableError
from store.database.documents import to_document
from store.tables import ChangeRow, SeatHoldRow
from temporal.names import StepName
from tests.guarantees import test_reversal
from tests.guarantees.test_recovery import reconcile_until_done
from tests.guarantees.test_reversal import (
    REASON,
    WAIT,
    Run,
    Stuck,
    dearer,
    draft_of_three_changes_with_two_payments,
    get_stuck,
    reverse,
)
from tests.support.canary import ADULT, CHILD
from tests.support.outside import Outside
from tests.support.world import CARD, TENANT, Answer, World, add, replace
from workflows.saga import step_runner

pytestmark = pytest.mark.faults
outside = test_reversal.outside
bank_outside = pytest.mark.parametrize("outside", ["bank", "both"], indirect=True, scope="module")


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(step_runner, "LOCAL_ATTEMPTS", 2)
    monkeypatch.setattr(final_attempts, "LATE_ANSWER", timedelta(0))


async def reversed_change(outside: Outside, run: Run) -> Stuck:
    """Get a change stuck, and reverse it."""
    stuck = await get_stuck(outside, run)
    await reverse_soon(outside, stuck)
    return stuck


async def reverse_soon(outside: Outside, stuck: Stuck) -> None:
    """Reverse a stuck change in a pause between two attempts at its final step."""
    async with asyncio.timeout(20):
        while (answer := await reverse(outside.world, stuck.order)).code == "OUTCOME_UNKNOWN":
            pass
    assert answer.status == 200, answer.body
    assert (await stuck.request).code == "REVERSED"


async def test_a_confirmation_repeated_after_its_reversal_is_told_that_the_draft_has_ended(outside: Outside) -> None:
    world = outside.world
    stuck = await reversed_change(outside, draft_of_three_changes_with_two_payments)
    again = await world.post(f"/v1/orders/{stuck.order}/confirm", {"payment": CARD}, **WAIT)
    assert (again.status, again.code) == (409, "DRAFT_ENDED"), again.body


async def reset_before_step(world: World, order: str, step: str) -> None:
    """Reset the order's last run to the point before it called a step."""
    handle = world.workflow(order)
    task = ended = 0
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            ended = event.event_id
        if event.activity_task_scheduled_event_attributes.activity_type.name == step:
            task = ended
    await world.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=world.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            reason="reset by mistake",
            request_id=f"{order}-{step}",
            workflow_task_finish_event_id=task,
            reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE],
        )
    )


@bank_outside
@pytest.mark.parametrize("run", [dearer, draft_of_three_changes_with_two_payments], ids=lambda each: each.__name__)
async def test_a_run_that_is_reset_to_before_the_settlement_of_a_reversed_change_does_nothing(
    outside: Outside, run: Run
) -> None:
    world = outside.world
    stuck = await reversed_change(outside, run)
    await world.wait_for_end(stuck.order)
    outside.clear()
    world.faults.clear()
    book = outside.bank_book(stuck.order)
    await reset_before_step(world, stuck.order, StepName.SETTLE_PRICE_DIFFERENCE)
    async with asyncio.timeout(20):
        await world.wait_for_end(stuck.order)
    assert outside.bank_book(stuck.order) == book
    assert world.at_most_once(stuck.order)


@pytest.mark.parametrize("kind", [ChangeKind.REVERSE, ChangeKind.RESEAT])
async def test_a_way_out_of_a_later_format_waits_for_a_newer_worker_and_the_stuck_change_does_not(
    outside: Outside, kind: ChangeKind
) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer)
    request = ChangeRequest(kind=kind, reason="no seats are left")
    later = ChangeRow(
        tenant=TENANT,
        id=str(uuid.uuid4()),
        order_number=stuck.order,
        route="a later release",
        fingerprint="",
        kind=request.kind,
        request=to_document(request),
        needs=formats.KNOWN + 1,
        state=ChangeState.WAITING,
        created_at=world.components.store.now(),
    )
    with world.components.store.write() as tx:
        tx.add(later.model_copy())
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        async with asyncio.timeout(20):
            await world.workflow(stuck.order).execute_update(kind, {"change": later.id})
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "NEWER_WORKER_NEEDED"
    await world.workflow(stuck.order).terminate("terminated by mistake")
    stuck.request.cancel()
    outside.clear()
    world.faults.clear()
    world.backdate(stuck.change)
    assert await reconcile_until_done(world, stuck.change) == "done"
    await world.wait_for_end(stuck.order)
    with world.components.store.write() as tx:
        left = tx.get_one(ChangeRow, later.id)
        assert (left.claimed_at, left.dispatch_error) == (None, "NEWER_WORKER_NEEDED")
        tx.delete(left)


@pytest.mark.parametrize("outside", ["seats"], indirect=True, scope="module")
async def test_a_reversal_is_refused_while_the_inventory_is_silent(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer)
    silent = threading.Event()

    def time_out() -> None:
        silent.wait(8)
        raise ProviderUnavailableError

    outside.seats.before["free"] = time_out
    answer = await reverse(world, stuck.order)
    assert (answer.status, answer.code) in ((409, "OLD_SEATS_UNKNOWN"), (409, "OUTCOME_UNKNOWN")), answer.body
    silent.set()
    outside.clear()
    assert (await world.send("POST", f"/v1/orders/{stuck.order}/attention/retry-now", REASON)).status in (204, 409)
    assert (await stuck.request).body["state"] == "done"


@pytest.mark.parametrize("outside", ["seats"], indirect=True, scope="module")
async def test_an_old_seat_that_the_stuck_change_leaves_alone_hinders_no_reversal(outside: Outside) -> None:
    world = outside.world

    async def dearer_beside_another_ticket(world: World) -> tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]:
        order = await world.sold(ADULT)
        child = await world.offer("standard", CHILD, service=world.train())
        assert (await world.change(order, add(child, CHILD), confirm=True, payment=CARD)).status == 200
        dearer_one = replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train()))
        return order, lambda: world.change(order, dearer_one, confirm=True, payment=CARD, **WAIT)

    stuck = await get_stuck(outside, dearer_beside_another_ticket)
    of_child = [row.id for row in world.changes_of(stuck.order) if row.kind == "change" and row.state == "done"][-1]
    with world.components.store.write() as tx:
        # As in an inventory that has taken off the books what has departed.
        (departed,) = tx.exec(select(SeatHoldRow).where(SeatHoldRow.key == f"{of_child}/reserve_seats")).all()
        forgotten = departed.model_dump()
        tx.delete(departed)
    await reverse_soon(outside, stuck)
    with world.components.store.write() as tx:
        tx.add(SeatHoldRow(**forgotten))
