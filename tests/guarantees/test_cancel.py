"""Cancelling the workflow from the Web UI, at any moment, leaves the order complete: the new one or the old one."""

import asyncio
from datetime import timedelta

import pytest

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.scenarios import SCENARIOS, Scenario, undo_matrix
from tests.support.world import World
from workflows.order_draft import OrderDraft

pytestmark = pytest.mark.faults

ONE_GO, SECOND_CHANGE, CONFIRMATION, DISCARD = (*SCENARIOS[:3], SCENARIOS[4])
MOMENTS = (Fault.PAUSED, Fault.PAUSED_AFTER)


def build_cases(scenario: Scenario) -> list[tuple[str, Fault]]:
    return [(step, moment) for step in scenario.steps for moment in MOMENTS]


async def cancel_during(world: World, scenario: Scenario, order: str, step: str, moment: Fault, times: int = 1) -> int:
    armed = world.faults.arm(order, step, moment)
    request = asyncio.create_task(scenario.act(world, order))
    await asyncio.wait_for(armed.reached.wait(), 20)
    for _ in range(times):
        await world.workflow(order).cancel()
    await asyncio.sleep(0)
    armed.go_on.set()
    return (await request).status


@pytest.mark.only_on("sqlite")  # a matter of the workflow
@pytest.mark.parametrize(("step", "moment"), build_cases(ONE_GO))
async def test_a_cancel_during_a_change_in_one_go_comes_too_late(world: World, step: str, moment: Fault) -> None:
    order = await ONE_GO.prepare(world)
    assert await cancel_during(world, ONE_GO, order, step, moment) == 200
    shown = await world.show(order)
    assert (shown["status"], shown["version"], shown["balance"], shown["draft"]) == ("confirmed", 2, "0.00", None)
    assert await world.wait_for_end(order) == "COMPLETED"
    assert world.at_most_once(order)


@pytest.mark.only_on("postgres")  # a matter of the workflow
@pytest.mark.parametrize(("step", "moment"), build_cases(SECOND_CHANGE))
async def test_a_cancel_during_a_change_lets_it_finish_and_discards_the_draft(
    world: World, step: str, moment: Fault
) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    await world.upgrade(order)
    assert await cancel_during(world, SECOND_CHANGE, order, step, moment) == 200
    assert await world.wait_for_end(order) == "CANCELED"
    assert world.snapshot(order) == before
    assert world.seats_of(order) == seats


@pytest.mark.parametrize(
    ("step", "moment"), [(StepName.CLOSE_DRAFT, Fault.PAUSED), (StepName.RELEASE_SEATS, Fault.PAUSED_AFTER)]
)
async def test_cancelling_twice_while_a_draft_is_undone_undoes_it_once(world: World, step: str, moment: Fault) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    await world.upgrade(order)
    assert await cancel_during(world, DISCARD, order, step, moment, times=2) == 200
    await world.wait_for_end(order)
    assert world.snapshot(order) == before
    assert world.seats_of(order) == seats


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("undo", sorted({undo for undo, _ in undo_matrix()}))
async def test_a_cancel_while_a_change_is_undone_lets_the_undo_finish(world: World, undo: str, moment: Fault) -> None:
    order = await ONE_GO.prepare(world)
    before, seats = world.snapshot(order), world.seats_of(order)
    world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    assert await cancel_during(world, ONE_GO, order, undo, moment, times=2) == 409
    await world.wait_for_end(order)
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)
    assert world.at_most_once(order)


@pytest.mark.parametrize("undo", [StepName.RESTORE_OFFER_BUNDLE, StepName.RELEASE_SEATS])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_cancel_while_a_draft_expires_lets_the_undo_finish(world: World, undo: str, moment: Fault) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    await world.upgrade(order)
    armed = world.faults.arm(order, undo, moment)
    soon = world.components.store.now() + timedelta(seconds=1)
    assert (await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": soon.isoformat()})).status == 200
    await asyncio.wait_for(armed.reached.wait(), 20)
    await world.workflow(order).cancel()
    await world.workflow(order).query(OrderDraft.progress)  # its answer shows that the run has received the cancel
    armed.go_on.set()
    await world.wait_for_end(order)
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)


async def test_a_cancel_while_nothing_runs_discards_the_draft(world: World) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    await world.upgrade(order)
    await world.workflow(order).cancel()
    assert await world.wait_for_end(order) == "CANCELED"
    assert world.snapshot(order) == before
    assert (await world.show(order))["draft"] is None


async def test_a_confirmation_in_progress_ends_before_the_cancel_is_handled(world: World) -> None:
    order = await CONFIRMATION.prepare(world)
    assert await cancel_during(world, CONFIRMATION, order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.PAUSED_AFTER) == 200
    shown = await world.show(order)
    assert (shown["status"], shown["version"], shown["paid"]) == ("confirmed", 2, "399.00")
