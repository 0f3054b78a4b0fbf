"""A group of steps is done whole or not at all, whatever becomes of its attempts and of its answers."""

import pytest

from cli.faults.injection import Fault
from temporal.names import UNDO_STEPS, WITHDRAW_GROUP, GroupName, StepName
from tests.support.canary import ADULT
from tests.support.phases import violations_of
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.world import CARD, DECLINED, World

pytestmark = pytest.mark.faults

GROUPED = [(scenario, scenario.groups[0]) for scenario in SCENARIOS[:5]]
FAULTS = (Fault.BROKEN, Fault.FLAKY, Fault.LOST, Fault.LOST_FOR_GOOD, Fault.TWICE, Fault.AT_ONCE, Fault.LATE)
CASES = [
    pytest.param(scenario, group, fault, id=f"{group}-{scenario.name}-{fault}")
    for scenario, group in GROUPED
    for fault in FAULTS
]
DISCARD = next(each for each in SCENARIOS if UNDO_STEPS in each.groups)


@pytest.mark.parametrize(("scenario", "group", "fault"), CASES)
async def test_a_group_is_done_once_whatever_happens_to_it(
    world: World, scenario: Scenario, group: str, fault: Fault
) -> None:
    order = await scenario.prepare(world)
    world.faults.ran[order] = []
    armed = world.faults.arm(order, group, fault)
    answer = await scenario.act(world, order)
    assert armed.fired >= 1
    assert (answer.status, answer.body["state"]) == (200, "done"), answer.body
    assert world.at_most_once(order)
    assert violations_of(world, order) == []
    # A group that fails three times has used up its attempts.
    withdrawn = fault in (Fault.BROKEN, Fault.FLAKY, Fault.LOST_FOR_GOOD, Fault.LATE)
    assert (WITHDRAW_GROUP in world.faults.ran[order]) == withdrawn
    if fault is Fault.LATE:
        assert armed.late_error is not None
        assert "after its undo" in str(armed.late_error)


async def test_a_group_that_was_done_and_whose_answers_were_lost_is_not_done_again_step_by_step(world: World) -> None:
    order = await SCENARIOS[0].prepare(world)
    world.faults.ran[order] = []
    world.faults.arm(order, GroupName.RUN_CHANGE, Fault.LOST_FOR_GOOD)
    assert (await SCENARIOS[0].act(world, order)).status == 200
    assert not {StepName.RESERVE_SEATS, StepName.SETTLE_PRICE_DIFFERENCE} & set(world.faults.ran[order])


async def test_a_draft_whose_change_lost_its_answers_can_be_changed_paid_and_discarded(world: World) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    world.faults.arm(order, GroupName.RUN_CHANGE, Fault.LOST_FOR_GOOD)
    assert (await world.upgrade(order)).status == 200
    world.faults.clear()
    assert (await world.pay(order, "40.00")).status == 200
    assert (await world.discard(order)).status == 200
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)
    assert violations_of(world, order) == []


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.LOST_FOR_GOOD])
async def test_a_run_whose_group_lost_its_answer_shows_the_status_of_its_order(world: World, fault: Fault) -> None:
    order, _ = await world.open_draft()
    world.faults.arm(order, GroupName.RUN_CONFIRMATION, fault)
    assert (await world.confirm(order, CARD)).status == 200
    await world.wait_for_end(order)
    run = await world.workflow(order).describe()
    assert {pair.key.name: pair.value for pair in run.typed_search_attributes}["OrderState"] == "confirmed"


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.LOST, Fault.LOST_FOR_GOOD, Fault.TWICE, Fault.FLAKY])
async def test_steps_that_are_undone_together_are_undone_once(world: World, fault: Fault) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    assert (await world.upgrade(order)).status == 200
    armed = world.faults.arm(order, UNDO_STEPS, fault)
    assert (await world.discard(order)).status == 200
    assert armed.fired >= 1
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)
    assert world.at_most_once(order)
    assert violations_of(world, order) == []


async def test_a_change_that_is_refused_as_a_whole_never_happened(world: World) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    world.faults.ran[order] = []
    refused = await world.upgrade(order, confirm=True, payment=DECLINED)
    assert (refused.status, refused.code) == (402, "PAYMENT_REFUSED")
    assert world.faults.ran[order] == [GroupName.RUN_CHANGE]
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)
    assert (await world.send("GET", f"/v1/orders/{order}/history")).body["events"] == events


async def test_a_refused_change_leaves_an_open_draft_that_still_expires_or_is_discarded(world: World) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    assert (await world.upgrade(order)).status == 200
    await world.workflow(order).terminate("by mistake")
    # The first request of the next run is refused; that run nevertheless keeps the draft.
    assert (await world.upgrade(order, confirm=True, payment=CARD)).code == "DRAFT_OPEN"
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
