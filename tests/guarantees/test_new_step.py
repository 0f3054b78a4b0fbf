"""A new reversible step takes two places, its class and the registry; everything else knows it from there.

`hold_parking` (tests/support/parking.py) is registered for this module alone.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from sqlmodel import select

from activities.support import registry
from activities.support.step_kinds import Reversible
from api.desk import labels
from cli.faults.fault_kinds import breakable
from cli.faults.injection import Fault, Folder
from cli.faults.injector import REFUSAL
from cli.processes import Child
from domain.changes import OUTCOMES
from store import invariants
from store.changes import unfinished
from store.changes.step_records import StepState
from store.tables import StepRecordRow
from temporal.names import UNDO_STEPS, GroupName, StepName
from tests.api.desk.visitor import Visitor, words_of
from tests.guarantees.test_kill_points import kill_points
from tests.guarantees.test_recovery import reconcile
from tests.support import parking
from tests.support.final_checks import check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.outside import Outside, be_down, running_outside
from tests.support.parking import HOLD_PARKING, HoldParking, bays
from tests.support.scenarios import (
    DATABASES,
    FAULTS_OF_KIND,
    SCENARIOS,
    UNDO_FAULTS,
    matrix,
    steps_of,
    undo_matrix,
    undone_after,
)
from tests.support.stuck_orders import wait_until_step_is_stuck
from tests.support.world import Answer, World, wait_for_worker
from workflows.saga import step_runner

pytestmark = pytest.mark.faults

STEP, UNDO = "hold_parking", "release_parking"
ONE_GO, SECOND_CHANGE = SCENARIOS[0], SCENARIOS[1]


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as release:
        parking.register(release)
        yield


@pytest.fixture(scope="module")
async def world(
    _registered: None,
    database_kind: str,
    temporal: str,
    database_named: Callable[[str], str],
) -> AsyncIterator[World]:
    url = database_named("new-step")
    async with running_world(url, temporal, f"new-step-{database_kind}") as running:
        parking.open_car_park(running)
        yield running
        check_invariants(running)


@pytest.fixture(scope="module")
async def outside(
    _registered: None,
    database_kind: str,
    temporal: str,
    database_named: Callable[[str], str],
) -> AsyncIterator[Outside]:
    url = database_named("new-step-outside")
    async with running_outside(url, temporal, f"new-step-outside-{database_kind}", seats=True, bank=False) as running:
        parking.open_car_park(running.world)
        yield running


def records(world: World, order: str) -> list[tuple[str, str | None]]:
    """Return the state of each of an order's records of the step, oldest first, and the undo that it names."""
    query = select(StepRecordRow).where(StepRecordRow.order_number == order, StepRecordRow.step == STEP)
    with world.components.store.read() as tx:
        return [(row.state, row.undo) for row in sorted(tx.exec(query), key=lambda row: row.sequence)]


def test_the_registry_and_every_list_of_faults_know_the_step_and_its_undo() -> None:
    assert registry.step_of(STEP) is registry.step_of(UNDO) is HOLD_PARKING
    assert {STEP, UNDO} <= set(breakable())
    for scenario in (ONE_GO, SECOND_CHANGE):
        faults = [fault for each, step, fault in matrix() if (each, step) == (scenario, STEP)]
        assert faults == list(FAULTS_OF_KIND[Reversible])
        steps = steps_of(scenario)
        assert steps[steps.index(STEP) + 1] == StepName.SWAP_OFFER_BUNDLE
    assert [fault for undo, fault in undo_matrix() if undo == UNDO] == list(UNDO_FAULTS)
    killed = [(step, fault) for _, step, fault in kill_points() if step in (STEP, UNDO)]
    assert set(killed) == {(step, fault) for step in (STEP, UNDO) for fault in (Fault.KILLED, Fault.KILLED_AFTER)}


def test_the_desk_names_the_step_its_undo_and_the_key_at_its_provider() -> None:
    assert (labels.step(STEP), labels.step(UNDO)) == ("hold parking", "release parking")
    assert labels.key("C1", STEP, 0) == labels.key("C1", UNDO, 0) == f"C1/{STEP}"
    assert "at the inventory under its key" in labels.suggested_action(UNDO, retried=True, by_hand=True)


async def test_it_runs_as_a_step_of_a_change_inside_its_group(world: World) -> None:
    order = await ONE_GO.prepare(world)
    world.faults.ran[order] = []
    assert (await ONE_GO.act(world, order)).status == 200
    assert world.faults.ran[order] == [GroupName.RUN_CHANGE]
    assert records(world, order) == [(StepState.DONE, UNDO)] * 2
    book, ours = bays(world, order)
    assert book == ours
    assert len(ours) == 2


async def test_it_runs_by_itself_where_it_stands_in_the_flow(world: World) -> None:
    order = await ONE_GO.prepare(world)
    world.faults.ran[order] = []
    world.faults.break_groups(order)
    assert (await ONE_GO.act(world, order)).status == 200
    ran = [each for each in world.faults.ran[order] if registry.step_of(each)]
    assert ran == list(steps_of(ONE_GO))


def on_alternating_databases(faults: tuple[Fault, ...]) -> list[Any]:
    return [pytest.param(each, marks=pytest.mark.only_on(DATABASES[n % 2])) for n, each in enumerate(faults)]


@pytest.mark.parametrize("fault", on_alternating_databases(FAULTS_OF_KIND[Reversible]))
async def test_after_each_fault_of_its_kind_it_is_undone_completely_or_done_once(world: World, fault: Fault) -> None:
    order = await ONE_GO.prepare(world)
    before, held = world.snapshot(order), bays(world, order)
    armed = world.faults.arm(order, STEP, fault)
    answer = await ONE_GO.act(world, order)
    assert armed.fired >= 1
    book, ours = bays(world, order)
    assert book == ours
    if undone_after(STEP, fault):
        assert answer.status >= 400
        assert (world.snapshot(order), (book, ours)) == (before, held)
        assert records(world, order)[1:] == [(StepState.WITHDRAWN, UNDO)]
    else:
        assert answer.status == 200
        assert len(ours) == 2


@pytest.mark.parametrize("fault", on_alternating_databases(UNDO_FAULTS))
async def test_after_each_fault_of_its_undo_it_is_undone_once(world: World, fault: Fault) -> None:
    order = await ONE_GO.prepare(world)
    before, held = world.snapshot(order), bays(world, order)
    world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    armed = world.faults.arm(order, UNDO, fault)
    assert (await ONE_GO.act(world, order)).code == REFUSAL.code
    assert armed.fired >= 1
    assert (world.snapshot(order), bays(world, order)) == (before, held)


@pytest.mark.parametrize("together", [True, False], ids=["with others in one transaction", "alone"])
async def test_a_discard_shows_and_undoes_it(world: World, *, together: bool) -> None:
    order = await ONE_GO.prepare(world)
    held = bays(world, order)
    assert (await SECOND_CHANGE.act(world, order)).status == 200
    assert bays(world, order) != held
    page = words_of(await Visitor(world.http).see(f"/desk/orders/{order}"))
    assert "1 bay of the car park released" in page
    world.faults.ran[order] = []
    if not together:
        world.faults.break_groups(order)
    assert (await world.discard(order)).status == 200
    assert (UNDO_STEPS in world.faults.ran[order], UNDO in world.faults.ran[order]) == (True, not together)
    assert bays(world, order) == held
    assert records(world, order)[1:] == [(StepState.WITHDRAWN, UNDO)]


async def test_the_run_after_a_terminated_one_undoes_it_by_its_record(world: World) -> None:
    order = await ONE_GO.prepare(world)
    held = bays(world, order)
    assert (await SECOND_CHANGE.act(world, order)).status == 200
    await world.workflow(order).terminate("terminated by mistake")
    with world.components.store.read() as tx:
        (change,) = [row.id for row in world.changes_of(order) if row.draft_opened_by == row.id][-1:]
        assert STEP in [row.step for row in unfinished.reversible_of_change(tx, change)]
    assert (await world.discard(order)).status == 200
    assert bays(world, order) == held


async def test_what_a_failed_change_left_of_it_is_undone_by_the_reconciliation(world: World) -> None:
    order = await ONE_GO.prepare(world)
    held = bays(world, order)
    world.faults.arm(order, STEP, Fault.LOST_FOR_GOOD)
    failed = (await ONE_GO.act(world, order)).change
    await world.wait_for_end(order)
    parking.leave_behind(world, failed, order)
    assert bays(world, order) != held
    async with asyncio.timeout(30):
        while bays(world, order) != held:
            await reconcile(world)
    assert records(world, order)[-1] == (StepState.WITHDRAWN, UNDO)


async def test_the_metrics_have_the_step_and_its_undo(world: World) -> None:
    order = await ONE_GO.prepare(world)
    world.faults.break_groups(order)
    world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    await ONE_GO.act(world, order)
    scraped = generate_latest().decode()
    for name in (STEP, UNDO):
        assert f'changeover_step_seconds_count{{result="done",step="{name}"}}' in scraped


async def test_at_an_external_provider_it_is_an_activity_of_its_own(outside: Outside) -> None:
    world = outside.world
    order = await ONE_GO.prepare(world)
    world.faults.ran[order] = []
    assert (await ONE_GO.act(world, order)).status == 200
    assert STEP in world.faults.ran[order]
    assert [len(each) for each in bays(world, order)] == [2, 2]


async def test_what_an_external_provider_does_not_release_is_shown_and_released_when_it_is_back(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = outside.world
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    order = await ONE_GO.prepare(world)
    held = bays(world, order)
    world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    with monkeypatch.context() as away:
        away.setattr(HoldParking, "undo_call", be_down)
        request: asyncio.Task[Answer] = asyncio.create_task(ONE_GO.act(world, order))
        await wait_until_step_is_stuck(world, order, UNDO)
        assert records(world, order)[1:] == [(StepState.WITHDRAWING, UNDO)]
        assert len(bays(world, order)[1]) == 2
        page = words_of(await Visitor(world.http).see(f"/desk/orders/{order}"))
        assert "release parking" in page
        assert f"/{STEP}" in page
    await world.post(f"/v1/orders/{order}/attention/retry-now", {"reason": "it is back"})
    assert (await request).code == REFUSAL.code
    assert bays(world, order) == held


@pytest.mark.parametrize(("step", "namespace"), [(STEP, "new-step-killed"), (UNDO, "new-undo-killed")])
async def test_a_worker_killed_before_or_after_it_or_its_undo_leaves_the_new_order_or_the_old_one(
    temporal: str, tmp_path: Path, step: str, namespace: str
) -> None:
    url = prepare_database(f"sqlite:///{tmp_path / 'killed.db'}")
    environment = {
        "CHANGEOVER_DATABASE": url,
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_NAMESPACE": namespace,
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    command = [sys.executable, "-m", "tests.support.parking_worker", str(tmp_path)]
    child, folder = Child("worker", command, tmp_path / "worker.log", environment), Folder(tmp_path)
    async with running_world(url, temporal, namespace, with_worker=False) as world:
        parking.open_car_park(world)
        child.start()
        keeping_alive = asyncio.create_task(keep_alive(child))
        try:
            await wait_for_worker(world)
            for fault in (Fault.KILLED, Fault.KILLED_AFTER):
                await kill_worker(world, folder, step, fault)
        finally:
            keeping_alive.cancel()
            child.stop()
        with world.components.store.read() as tx:
            assert [*invariants.violations(tx)] == []


async def keep_alive(child: Child) -> None:
    """Start the worker again as soon as it has ended."""
    while True:
        if child.ended:
            child.start()
        await asyncio.sleep(0.02)


async def kill_worker(world: World, folder: Folder, step: str, fault: Fault) -> None:
    order = await ONE_GO.prepare(world)
    before, held = world.snapshot(order), bays(world, order)
    if step == UNDO:
        folder.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    folder.arm(order, step, fault)
    change = (await ONE_GO.act(world, order)).change
    async with asyncio.timeout(60):
        while True:
            answer = await world.send("GET", f"/v1/changes/{change}")
            if answer.body["state"] in OUTCOMES:
                break
            await asyncio.sleep(0.05)
    assert folder.times_fired(order, step, fault)
    book, ours = bays(world, order)
    assert book == ours
    if step == UNDO:
        assert answer.body["state"] == "refused"
        assert (world.snapshot(order), ours) == (before, held[1])
    else:
        assert answer.body["state"] == "done"
        assert len(ours) == 2
