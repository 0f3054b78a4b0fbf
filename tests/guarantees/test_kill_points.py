"""kill -9 of the worker before and after the work of each step and each undo: generated from the declarations."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from activities.support.registry import by_name, undos
from activities.support.step_kinds import Reversible
from cli.faults.injection import Fault, Folder
from cli.faults.injector import REFUSAL
from cli.processes import Child
from domain.changes import OUTCOMES
from store import invariants
from temporal.names import UNDO_STEPS, WITHDRAW_GROUP, GroupName, StepName
from tests.support.installation import prepare_database, running_world
from tests.support.postgres import new_database
from tests.support.scenarios import DATABASES, SCENARIOS, Scenario, steps_of
from tests.support.world import World, wait_for_worker

pytestmark = pytest.mark.faults

MAX_RECOVERY_SECONDS = 20
ONE_GO = SCENARIOS[0]
DISCARD = next(each for each in SCENARIOS if UNDO_STEPS in each.groups)


def kill_points() -> Iterator[tuple[Scenario, str, Fault]]:
    """Yield every declared step, undo and group, with a scenario it runs in, before and after its work.

    A group is killed in its middle too, when all of its steps have run and nothing is committed.
    """
    for group in GroupName:
        scenario = next(each for each in SCENARIOS if group in each.groups)
        for fault in (Fault.KILLED, Fault.KILLED_INSIDE, Fault.KILLED_AFTER):
            yield scenario, group, fault
    for fault in (Fault.KILLED, Fault.KILLED_AFTER):
        yield DISCARD, UNDO_STEPS, fault
        yield ONE_GO, WITHDRAW_GROUP, fault
    for name, step in sorted(by_name().items()):
        scenario = next(each for each in SCENARIOS if name in steps_of(each))
        for fault in (Fault.KILLED, Fault.KILLED_AFTER):
            yield scenario, name, fault
            if isinstance(step, Reversible) and name != StepName.RESEAT:
                yield ONE_GO, step.undo_name, fault


CASES = [
    pytest.param(scenario, step, fault, id=f"{step}-{fault}", marks=pytest.mark.only_on(DATABASES[number % 2]))
    for number, (scenario, step, fault) in enumerate(kill_points())
]


@dataclass
class Killable:
    """An installation whose worker is a process that is killed and started again."""

    world: World
    folder: Folder
    child: Child
    killed_at: list[float] = field(default_factory=list)
    recovered_in: list[float] = field(default_factory=list)

    async def keep_alive(self) -> None:
        """Start the worker again as soon as it has ended."""
        while True:
            if self.child.ended:
                self.killed_at.append(time.monotonic())
                self.child.start()
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
async def installation(
    database_kind: str, request: pytest.FixtureRequest, temporal: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Killable]:
    folder = tmp_path_factory.mktemp("killable")
    url = f"sqlite:///{folder / 'killable.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "killable")
    prepare_database(url)
    namespace = f"killable-{database_kind}"
    environment = {
        "CHANGEOVER_DATABASE": url,
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_NAMESPACE": namespace,
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    command = [sys.executable, "-m", "cli.faults.worker", str(folder)]
    child = Child("worker", command, folder / "worker.log", environment)
    async with running_world(url, temporal, namespace, with_worker=False) as world:
        child.start()
        await wait_for_worker(world)
        killable = Killable(world, Folder(folder), child)
        keeping_alive = asyncio.create_task(killable.keep_alive())
        try:
            yield killable
        finally:
            keeping_alive.cancel()
            child.stop()
        with world.components.store.read() as tx:
            assert [*invariants.violations(tx)] == []
    times = sorted(killable.recovered_in)
    report = f"{database_kind}: {len(times)} kills, p50 {times[len(times) // 2]:.1f} s, max {times[-1]:.1f} s\n"
    with (Path("artifacts") / "recovery-after-kill.txt").open("a") as log:
        log.write(report)


@pytest.mark.parametrize(("scenario", "step", "fault"), CASES)
async def test_a_worker_killed_at_any_point_leaves_the_new_order_or_the_old_one(
    installation: Killable, scenario: Scenario, step: str, fault: Fault
) -> None:
    world, folder = installation.world, installation.folder
    order = await scenario.prepare(world)
    before, seats = world.snapshot(order), world.seats_of(order)
    is_undo = step in undos()
    if step == WITHDRAW_GROUP:
        folder.arm(order, GroupName.RUN_CHANGE, Fault.BROKEN)
    if is_undo:
        folder.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    folder.arm(order, step, fault)
    kills = len(installation.killed_at)
    state, code = await wait_for_outcome(world, (await scenario.act(world, order)).change)
    ended = time.monotonic()
    assert folder.times_fired(order, step, fault)
    assert len(installation.killed_at) == kills + 1
    if is_undo:
        assert (state, code) == ("refused", REFUSAL.code)
        assert (world.snapshot(order), world.seats_of(order)) == (before, seats)
    else:
        assert (state, code) == ("done", None)
    assert world.at_most_once(order)
    installation.recovered_in.append(ended - installation.killed_at[-1])
    assert installation.recovered_in[-1] < MAX_RECOVERY_SECONDS


async def wait_for_outcome(world: World, change: str) -> tuple[str, str | None]:
    """Wait until a request has ended; return its state and its problem code."""
    async with asyncio.timeout(MAX_RECOVERY_SECONDS + 10):
        while True:
            shown = (await world.send("GET", f"/v1/changes/{change}")).body
            if shown["state"] in OUTCOMES:
                with contextlib.suppress(KeyError, TypeError):
                    return shown["state"], shown["problem"]["code"]
                return shown["state"], None
            await asyncio.sleep(0.05)
