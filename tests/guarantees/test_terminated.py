"""An operator terminates, deletes or resets a run at any step: the order is complete all the same."""

import asyncio
from collections.abc import Iterator

import pytest

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.guarantees.test_recovery import reconcile, reconcile_until_done
from tests.support.canary import ADULT
from tests.support.phases import violations_of
from tests.support.scenarios import DATABASES, SCENARIOS, Scenario
from tests.support.temporal_cli import DELETE, RESET_TO_FIRST, RESET_TO_LAST, TERMINATE, run_temporal_cli
from tests.support.world import World

pytestmark = pytest.mark.faults

ONE_GO, SECOND_CHANGE, CONFIRMATION, _, DISCARD, _, PAYOUT, _, _, _, WAY_BACK = SCENARIOS
MOMENTS = (Fault.PAUSED, Fault.PAUSED_AFTER)
Case = tuple[Scenario, str, Fault, tuple[str, ...]]


def interrupted() -> Iterator[Case]:
    """Yield each step of each scenario, before and after its work: the run is ended, or reset to an earlier point."""
    for scenario in (ONE_GO, SECOND_CHANGE, CONFIRMATION, DISCARD, PAYOUT, WAY_BACK):
        for number, step in enumerate(scenario.steps):
            ended = (TERMINATE, DELETE)[number % 2]
            yield scenario, step, MOMENTS[number % 2], ended
            if scenario in (ONE_GO, DISCARD):
                yield scenario, step, MOMENTS[(number + 1) % 2], TERMINATE
            if scenario is not ONE_GO:
                # A run can only be reset once it has completed a first workflow task.
                yield scenario, step, MOMENTS[number % 2], RESET_TO_FIRST
                yield scenario, step, MOMENTS[(number + 1) % 2], RESET_TO_LAST


def _name(scenario: Scenario, step: str, moment: Fault, command: tuple[str, ...]) -> str:
    return f"{scenario.name}-{step}-{moment.name}-{' '.join(command[:3:2])}"


CASES = [
    pytest.param(*case, id=_name(*case), marks=pytest.mark.only_on(DATABASES[number % 2]))
    for number, case in enumerate(interrupted())
]


@pytest.mark.parametrize(("scenario", "step", "moment", "command"), CASES)
async def test_a_request_is_done_though_its_run_is_terminated_deleted_or_reset(
    world: World, scenario: Scenario, step: str, moment: Fault, command: tuple[str, ...]
) -> None:
    order = await scenario.prepare(world)
    earlier = {row.id for row in world.changes_of(order)}
    armed = world.faults.arm(order, step, moment)
    request = asyncio.create_task(scenario.act(world, order))
    await asyncio.wait_for(armed.reached.wait(), 20)
    await run_temporal_cli(world, order, *command)
    world.faults.clear()
    (change,) = [row.id for row in world.changes_of(order) if row.id not in earlier]
    world.backdate(change)
    answer = await request
    assert answer.status < 500 or answer.code == "ENGINE_UNREACHABLE"
    assert await reconcile_until_done(world, change) == "done"
    await check_scenario(world, scenario, order)


@pytest.mark.parametrize("undo", [StepName.RESTORE_OFFER_BUNDLE, StepName.RELEASE_SEATS])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_partially_undone_draft_without_further_requests_is_undone_completely(
    world: World, undo: str, moment: Fault
) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    await world.upgrade(order)
    armed = world.faults.arm(order, undo, moment)
    await world.workflow(order).cancel()
    await asyncio.wait_for(armed.reached.wait(), 20)
    await run_temporal_cli(world, order, *TERMINATE)
    world.faults.clear()
    async with asyncio.timeout(30):
        while (world.snapshot(order), world.seats_of(order)) != (before, seats) or violations_of(world, order):
            await reconcile(world)


async def check_scenario(world: World, scenario: Scenario, order: str) -> None:
    """Check that an order is as the scenario leaves it, and that every invariant holds once its draft is closed."""
    shown = await world.show(order)
    if scenario is SECOND_CHANGE:
        assert (shown["draft"] is not None, shown["version"], len(shown["lines"])) == (True, 2, 1)
        assert (await world.discard(order)).status == 200
        shown = await world.show(order)
    if scenario is PAYOUT:
        assert (shown["status"], shown["refund_owed"]) == ("cancelled", "0.00")
        assert violations_of(world, order) == []
        return
    version = 2 if scenario in (ONE_GO, CONFIRMATION) else 1
    seats = [seat["state"] for seat in shown["reservations"]]
    assert (shown["status"], shown["version"], shown["draft"], seats) == ("confirmed", version, None, ["confirmed"])
    assert shown["balance"] == "0.00"
    if scenario is WAY_BACK:
        assert (await world.confirm(order)).status == 200, "the way back counts as confirmed"
    assert world.at_most_once(order)
    assert violations_of(world, order) == []
