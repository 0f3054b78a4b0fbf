"""Orphaned work is resumed: unfinished requests, requests never started, drafts without a run."""

import asyncio
import uuid

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from activities.recovery import RecordedStep
from cli.faults.injection import Fault
from domain.changes import OUTCOMES
from store.tables import EmbeddedPaymentRow, SeatHoldRow, StepRecordRow
from temporal.messages import DraftResult, StartDraft, UndoEntry
from temporal.names import ORDERS_QUEUE, StepName, draft_id
from tests.guarantees.test_expiry import pass_time
from tests.support.canary import ADULT
from tests.support.phases import violations_of
from tests.support.world import CARD, DECLINED, TENANT, World, add, replace
from workflows.order_draft import OrderDraft
from workflows.reconcile import Reconcile, ReconciliationResult, StartReconciliation
from workflows.saga.saga import SagaError, recorded_undos

pytestmark = pytest.mark.faults


async def reconcile(world: World) -> ReconciliationResult:
    """Run one round of the reconcile schedule and wait for the runs it started."""
    name = f"reconcile-{uuid.uuid4().hex[:8]}"
    start = StartReconciliation(external_systems=world.components.external_systems)
    return await world.client.execute_workflow(Reconcile.run, start, id=name, task_queue=ORDERS_QUEUE)


async def terminate_during(world: World, step: str, fault: Fault) -> tuple[str, str, str]:
    """Terminate a change in one go in or after a step; return the order, the snapshot before it and the change."""
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    armed = world.faults.arm(order, step, fault)
    operation = replace([f"{order}-1"], bundle)
    accepted = await world.change(order, operation, confirm=True, payment=CARD, Prefer="respond-async")
    assert accepted.status == 202
    await asyncio.wait_for(armed.reached.wait(), 20)
    await world.workflow(order).terminate("terminated by mistake")
    armed.go_on.set()
    world.faults.clear()
    world.backdate(accepted.change)
    return order, before, accepted.change


async def reconcile_until_done(world: World, change: str) -> str:
    """Run rounds until a change has an outcome and return its state; Temporal's list lags behind for a moment."""
    async with asyncio.timeout(30):
        while True:
            await reconcile(world)
            state = str((await world.send("GET", f"/v1/changes/{change}")).body["state"])
            if state in OUTCOMES:
                return state


STEPS = (
    StepName.RESERVE_SEATS,
    StepName.SWAP_OFFER_BUNDLE,
    StepName.AUTHORISE_PAYMENT,
    StepName.SETTLE_PRICE_DIFFERENCE,
    StepName.CONFIRM_SEATS,
)


CASES = [
    # Each database needs only one of the two faults to show its part.
    pytest.param(step, fault, marks=pytest.mark.only_on(place))
    for step in STEPS
    for fault, place in ((Fault.PAUSED, "sqlite"), (Fault.PAUSED_AFTER, "postgres"))
]


@pytest.mark.parametrize(("step", "fault"), CASES)
async def test_a_change_whose_run_was_terminated_is_finished_by_the_next_round(
    world: World, step: str, fault: Fault
) -> None:
    order, _, change = await terminate_during(world, step, fault)
    assert await reconcile_until_done(world, change) == "done"
    shown = await world.show(order)
    assert (shown["status"], shown["version"], shown["paid"], shown["balance"]) == ("confirmed", 2, "399.00", "0.00")
    assert len(world.seats_of(order)) == 1
    assert world.at_most_once(order)
    assert violations_of(world, order) == []


@pytest.mark.parametrize("broken", [None, Fault.LOST, Fault.TWICE])
async def test_another_request_that_arrives_first_waits_until_the_unfinished_one_is_finished(
    world: World, broken: Fault | None
) -> None:
    order, _, change = await terminate_during(world, StepName.SWAP_OFFER_BUNDLE, Fault.PAUSED_AFTER)
    if broken:
        world.faults.arm(order, StepName.FIND_UNFINISHED_WORK, broken)
    bundle = await world.offer("standard", ADULT, service=world.train())
    answer = await world.change(order, replace([f"{order}-1"], bundle), refund_price_difference=True, Prefer="wait=30")
    assert answer.status == 200, answer.body
    assert (await world.send("GET", f"/v1/changes/{change}")).body["state"] == "done"
    shown = await world.show(order)
    assert (shown["version"], shown["lines"][0]["replaces"]) == (3, [f"{order}-2"])
    assert (await world.discard(order)).status == 200
    assert violations_of(world, order) == []


@pytest.mark.parametrize("undo", [StepName.RELEASE_SEATS, StepName.RESTORE_OFFER_BUNDLE, StepName.VOID_PAYMENT])
async def test_an_undo_whose_run_was_terminated_is_finished(world: World, undo: str) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    armed = world.faults.arm(order, undo, Fault.PAUSED)
    operation = replace([f"{order}-1"], bundle)
    accepted = await world.change(order, operation, confirm=True, payment=CARD, Prefer="respond-async")
    await asyncio.wait_for(armed.reached.wait(), 20)
    await world.workflow(order).terminate("terminated by mistake")
    armed.go_on.set()
    world.faults.clear()
    world.backdate(accepted.change)
    assert await reconcile_until_done(world, accepted.change) in ("refused", "undone")
    assert world.snapshot(order) == before
    assert violations_of(world, order) == []


async def test_a_request_that_reached_no_workflow_is_started(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    async with world.without_temporal() as offline:
        kept = await offline.change(order, replace([f"{order}-1"], bundle), key="never-submitted")
    assert (kept.status, kept.code) == (503, "ENGINE_UNREACHABLE")
    world.backdate(kept.body["change"])
    assert await reconcile_until_done(world, kept.body["change"]) == "done"
    again = await world.change(order, replace([f"{order}-1"], bundle), key="never-submitted")
    assert (again.status, again.change, len(await world.lines(order))) == (200, kept.body["change"], 1)


async def test_a_draft_whose_run_was_terminated_is_resumed_and_expires(world: World) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    assert (await world.upgrade(order)).status == 200
    await world.workflow(order).terminate("terminated by mistake")
    async with asyncio.timeout(20):
        while (await world.workflow(order).describe()).status is not WorkflowExecutionStatus.RUNNING:
            await reconcile(world)
    assert (await world.show(order))["draft"] is not None
    assert await pass_time(world, order) == "COMPLETED"
    assert world.snapshot(order) == before
    assert violations_of(world, order) == []


@pytest.mark.only_on("sqlite")  # a matter of Temporal
async def test_a_resumed_draft_has_its_search_attributes_again(world: World) -> None:
    body = {"currency": "NOK", "distribution_channel": "ch-phone"}
    order = str((await world.post("/v1/orders", body)).body["number"])
    await world.change(order, add(await world.offer("standard", ADULT, service=world.train()), ADULT))
    await world.workflow(order).terminate("terminated by mistake")
    async with asyncio.timeout(30):
        while True:
            await reconcile(world)
            run = await world.workflow(order).describe()
            found = {pair.key.name: pair.value for pair in run.typed_search_attributes}
            if run.status is WorkflowExecutionStatus.RUNNING and "DraftExpires" in found:
                break
    assert (found["Channel"], found["OrderState"], found["OrderNumber"]) == ("ch-phone", "draft", order)
    assert (await world.discard(order)).status == 200


async def test_a_round_with_nothing_to_do_starts_nothing_twice(world: World) -> None:
    order = await world.sold(ADULT)
    await world.upgrade(order)
    run = (await world.workflow(order).describe()).run_id
    await reconcile(world)
    assert (await world.workflow(order).describe()).run_id == run
    await world.discard(order)


@pytest.mark.parametrize("left", ["a seat", "money", "a step that was never undone"])
async def test_what_a_failed_change_left_behind_is_released(world: World, left: str) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    world.faults.break_groups(order)
    answer = await world.upgrade(order, confirm=True, payment=DECLINED)
    assert answer.code == "PAYMENT_REFUSED"
    leave_behind(world, answer.change, left)
    assert len(violations_of(world, order)) == 1
    async with asyncio.timeout(20):
        while violations_of(world, order):
            await reconcile(world)
    assert world.snapshot(order) == before


def leave_behind(world: World, change: str, kind: str) -> None:
    """Write to the store what an undone change should have released; no step of ours leaves this behind."""
    store = world.components.store
    with store.write() as tx:
        if kind == "a seat":
            seat = SeatHoldRow(tenant=TENANT, service=world.train(), coach=1, seat=1, key=f"{change}/reserve_seats")
            seat.reference, seat.state = change, "held"
            tx.add(seat)
        elif kind == "money":
            key = f"{change}/authorise_payment"
            tx.add(EmbeddedPaymentRow(tenant=TENANT, key=key, currency="NOK", token="tok_ok", authorised_minor=100))  # noqa: S106 - a test token
        else:
            tx.get_one(StepRecordRow, f"{change}/reserve_seats").state = "started"


async def test_an_undo_that_this_build_does_not_know_parks_the_run_and_drops_nothing(world: World) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    start = StartDraft(order=order, undos=(UndoEntry(step="undo_of_a_later_release", command={}),))
    run = await world.client.start_workflow(OrderDraft.run, start, id=draft_id(order), task_queue=ORDERS_QUEUE)
    try:
        async with asyncio.timeout(20):
            while not (failed := await _read_task_failures(run)):  # noqa: ASYNC110 - only its history shows it
                await asyncio.sleep(0.05)
        assert "this build knows no undo of undo_of_a_later_release" in failed[0]
        assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
        assert world.snapshot(order) == before
    finally:
        await run.terminate("the parked run of a test")


async def _read_task_failures(run: WorkflowHandle[OrderDraft, DraftResult]) -> list[str]:
    history = await run.fetch_history()
    return [
        event.workflow_task_failed_event_attributes.failure.message
        for event in history.events
        if event.HasField("workflow_task_failed_event_attributes")
    ]


@pytest.mark.parametrize("step", [StepName.PLAN_CHANGE, StepName.SETTLE_PRICE_DIFFERENCE])
def test_a_recorded_step_without_an_undo_is_skipped_and_an_unknown_one_is_not(step: str) -> None:
    reserved = RecordedStep(
        step=StepName.RESERVE_SEATS, command={"change": "C1", "order": "26-1", "seats": 1, "services": []}
    )
    known = recorded_undos([RecordedStep(step=step, command={}), reserved])
    assert [undo.step.name for undo in known] == [StepName.RESERVE_SEATS]
    with pytest.raises(SagaError, match="knows no undo of unknown_step"):
        recorded_undos([RecordedStep(step="unknown_step", command={}), reserved])
