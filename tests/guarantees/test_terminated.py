"""Terminated, deleted or reset by an operator's command line, with any step under way: the order is whole."""

import asyncio
from collections.abc import Iterator

import pytest

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.guarantees.test_recovery import reconciled, taken_up_again, wrong_with
from tests.support.canary import ADULT
from tests.support.scenarios import DATABASES, SCENARIOS, Scenario
from tests.support.temporal_cli import DELETE, RESET_TO_FIRST, RESET_TO_LAST, TERMINATE, run_temporal_cli
from tests.support.world import World

pytestmark = pytest.mark.faults

ONE_GO, SECOND_CHANGE, CONFIRMATION, _, DISCARD, _ = SCENARIOS
MOMENTS = (Fault.PAUSED, Fault.PAUSED_AFTER)
Case = tuple[Scenario, str, Fault, tuple[str, ...]]


def interrupted() -> Iterator[Case]:
    """Return each step of each story, before and after it: the run is gone, or begins again from an earlier point."""
    for scenario in (ONE_GO, SECOND_CHANGE, CONFIRMATION, DISCARD):
        for number, step in enumerate(scenario.steps):
            gone = (TERMINATE, DELETE)[number % 2]
            yield scenario, step, MOMENTS[number % 2], gone
            if scenario in (ONE_GO, DISCARD):
                yield scenario, step, MOMENTS[(number + 1) % 2], TERMINATE
            if scenario is not ONE_GO:
                # A run has to have come through a first task to be reset.
                yield scenario, step, MOMENTS[number % 2], RESET_TO_FIRST
                yield scenario, step, MOMENTS[(number + 1) % 2], RESET_TO_LAST


def _name(scenario: Scenario, step: str, moment: Fault, deed: tuple[str, ...]) -> str:
    return f"{scenario.name}-{step}-{moment.name}-{' '.join(deed[:3:2])}"


CASES = [
    pytest.param(*case, id=_name(*case), marks=pytest.mark.only_on(DATABASES[number % 2]))
    for number, case in enumerate(interrupted())
]


@pytest.mark.parametrize(("scenario", "step", "moment", "deed"), CASES)
async def test_a_request_is_done_though_its_run_is_terminated_deleted_or_reset(
    world: World, scenario: Scenario, step: str, moment: Fault, deed: tuple[str, ...]
) -> None:
    order = await scenario.prepare(world)
    earlier = {row.id for row in world.changes_of(order)}
    armed = world.faults.arm(order, step, moment)
    asked = asyncio.create_task(scenario.act(world, order))
    await asyncio.wait_for(armed.reached.wait(), 20)
    await run_temporal_cli(world, order, *deed)
    world.faults.clear()
    (change,) = [row.id for row in world.changes_of(order) if row.id not in earlier]
    world.backdate(change)
    answer = await asked
    assert answer.status < 500 or answer.code == "ENGINE_UNREACHABLE"
    assert await taken_up_again(world, change) == "done"
    await as_it_should_be(world, scenario, order)


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
        while (world.snapshot(order), world.seats_of(order)) != (before, seats) or wrong_with(world, order):
            await reconciled(world)


async def as_it_should_be(world: World, scenario: Scenario, order: str) -> None:
    """See that an order is as the story leaves it, and that nothing is wrong with it once nothing is asked of it."""
    shown = await world.show(order)
    if scenario is SECOND_CHANGE:
        assert (shown["draft"] is not None, shown["version"], len(shown["lines"])) == (True, 2, 1)
        assert (await world.discard(order)).status == 200
        shown = await world.show(order)
    version = 2 if scenario in (ONE_GO, CONFIRMATION) else 1
    seats = [seat["state"] for seat in shown["reservations"]]
    assert (shown["status"], shown["version"], shown["draft"], seats) == ("confirmed", version, None, ["confirmed"])
    assert shown["balance"] == "0.00"
    assert world.at_most_once(order)
    assert wrong_with(world, order) == []
