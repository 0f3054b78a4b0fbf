"""The guarantees of steps, for every declared step and every fault that its kind must survive."""

import pytest

from activities.support.registry import by_name, undos
from activities.support.step_kinds import Check, Harmless, Reversible
from cli.faults.injection import Fault
from cli.faults.injector import REFUSAL
from temporal.names import STEP_FAILED, StepName
from tests.support.scenarios import (
    DATABASES,
    SCENARIOS,
    Scenario,
    matrix_by_database,
    steps_of,
    undo_matrix,
    undone_after,
)
from tests.support.world import World
from workflows.saga import step_runner

pytestmark = pytest.mark.faults

_CASES = [
    pytest.param(
        scenario, step, fault, id=f"{scenario.name}-{step}-{fault.name}", marks=pytest.mark.only_on(*databases)
    )
    for scenario, step, fault, databases in matrix_by_database()
]
ONE_GO = SCENARIOS[0]


def test_every_declared_step_is_in_the_matrix() -> None:
    covered = {name for scenario in SCENARIOS for name in steps_of(scenario)}
    assert set(by_name()) <= covered


@pytest.mark.parametrize("name", sorted(by_name()))
def test_a_step_and_its_command_have_one_name(name: str) -> None:
    assert by_name()[name].command_type.step == name


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
async def test_the_steps_of_each_scenario_run_in_their_stated_order(world: World, scenario: Scenario) -> None:
    order = await scenario.prepare(world)
    world.faults.ran[order] = []
    world.faults.break_groups(order)
    answer = await scenario.act(world, order)
    assert answer.status == 200
    assert [step for step in world.faults.ran[order] if step in (*by_name(), *undos())] == list(scenario.steps)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
async def test_the_steps_of_each_scenario_run_in_as_few_transactions_as_stated(
    world: World, scenario: Scenario
) -> None:
    order = await scenario.prepare(world)
    world.faults.ran[order] = []
    answer = await scenario.act(world, order)
    assert answer.status == 200
    assert world.faults.ran[order] == list(scenario.groups)


@pytest.mark.parametrize(("scenario", "step", "fault"), _CASES)
async def test_a_step_that_fails_leaves_no_trace_and_one_that_recovers_is_done_once(
    world: World, scenario: Scenario, step: str, fault: Fault
) -> None:
    order = (
        world.reusable_orders[scenario.name].pop()
        if world.reusable_orders[scenario.name]
        else await scenario.prepare(world)
    )
    before, seats_before = world.snapshot(order), world.seats_of(order)
    armed = world.faults.arm(order, step, fault)
    answer = await scenario.act(world, order)
    assert armed.fired >= 1
    if undone_after(step, fault):
        assert answer.status >= 400
        assert answer.code == (REFUSAL.code if fault is Fault.REFUSED else STEP_FAILED)
        assert world.snapshot(order) == before
        assert world.seats_of(order) == seats_before
        if fault is Fault.LATE:
            assert armed.late_error is not None
        # The order is as before, so the next case may reuse it: a trace would show there too.
        world.reusable_orders[scenario.name].append(order)
    else:
        assert answer.status == 200, answer.body
        assert answer.body["state"] == "done"
    assert world.at_most_once(order)


def _steps_that_may_fail() -> list[pytest.ParameterSet]:
    """Return the steps that may fail before the point of no return; the databases alternate."""
    names = [name for name in ONE_GO.steps if isinstance(by_name()[name], Check | Harmless | Reversible)]
    return [pytest.param(name, marks=pytest.mark.only_on(DATABASES[n % 2])) for n, name in enumerate(names)]


@pytest.mark.parametrize("step", _steps_that_may_fail())
async def test_a_step_that_keeps_failing_is_abandoned_and_leaves_no_trace(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(step_runner, "LOCAL_ATTEMPTS", 4)
    order = await ONE_GO.prepare(world)
    before, seats = world.snapshot(order), world.seats_of(order)
    armed = world.faults.arm(order, step, Fault.DOWN)
    answer = await ONE_GO.act(world, order)
    assert armed.fired == 4
    assert (answer.status, answer.code) == (500, STEP_FAILED)
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)


@pytest.mark.parametrize(("undo", "fault"), list(undo_matrix()), ids=lambda each: getattr(each, "name", each))
async def test_an_undo_that_is_lost_or_repeated_undoes_once(world: World, undo: str, fault: Fault) -> None:
    order = await ONE_GO.prepare(world)
    before, seats_before = world.snapshot(order), world.seats_of(order)
    world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    armed = world.faults.arm(order, undo, fault)
    answer = await ONE_GO.act(world, order)
    assert armed.fired >= 1
    assert answer.code == REFUSAL.code
    assert world.snapshot(order) == before
    assert world.seats_of(order) == seats_before
    assert world.at_most_once(order)
