"""kill -9 of the worker before and after everything a step or an undo does: generated from the declarations."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from activities.support.registry import all_steps
from activities.support.step_kinds import Reversible
from cli.faults.injection import Fault, Folder
from cli.faults.injector import REFUSAL
from cli.processes import Child
from domain.changes import OUTCOMES
from store import invariants
from temporal.names import StepName
from tests.support.installation import prepare_database, running_world
from tests.support.postgres import new_database
from tests.support.scenarios import DATABASES, SCENARIOS, Scenario
from tests.support.world import World

pytestmark = pytest.mark.faults

LONGEST_RECOVERY = 20
ONE_GO = SCENARIOS[0]


def kill_points() -> Iterator[tuple[Scenario, str, Fault]]:
    """Return every declared step and undo, with a story it happens in, before and after it."""
    for name, step in sorted(all_steps().items()):
        scenario = next(each for each in SCENARIOS if name in each.steps)
        for fault in (Fault.KILLED, Fault.KILLED_AFTER):
            yield scenario, name, fault
            if isinstance(step, Reversible):
                yield ONE_GO, step.undo_name, fault


CASES = [
    pytest.param(scenario, step, fault, id=f"{step}-{fault}", marks=pytest.mark.only_on(DATABASES[number % 2]))
    for number, (scenario, step, fault) in enumerate(kill_points())
]


@dataclass
class Mortal:
    """An installation whose worker is a process that dies and is started again."""

    world: World
    folder: Folder
    child: Child
    killed_at: list[float] = field(default_factory=list)
    recovered_in: list[float] = field(default_factory=list)

    async def keep_alive(self) -> None:
        """Start the worker again as soon as it has died."""
        while True:
            if self.child.ended:
                self.killed_at.append(time.monotonic())
                self.child.start()
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
async def mortal(
    database_kind: str, request: pytest.FixtureRequest, temporal: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mortal]:
    place = tmp_path_factory.mktemp("mortal")
    url = f"sqlite:///{place / 'mortal.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "mortal")
    prepare_database(url)
    namespace = f"mortal-{database_kind}"
    environment = {
        "CHANGEOVER_DATABASE": url,
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_NAMESPACE": namespace,
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    command = [sys.executable, "-m", "cli.faults.worker", str(place)]
    child = Child("worker", command, place / "worker.log", environment)
    async with running_world(url, temporal, namespace, works=False) as world:
        child.start()
        made = Mortal(world, Folder(place), child)
        watching = asyncio.create_task(made.keep_alive())
        try:
            yield made
        finally:
            watching.cancel()
            child.stop()
        with world.components.store.read() as tx:
            assert [*invariants.violations(tx)] == []
    times = sorted(made.recovered_in)
    report = f"{database_kind}: {len(times)} kills, p50 {times[len(times) // 2]:.1f} s, max {times[-1]:.1f} s\n"
    with (Path("artifacts") / "recovery-after-kill.txt").open("a") as log:
        log.write(report)


@pytest.mark.parametrize(("scenario", "step", "fault"), CASES)
async def test_a_worker_killed_at_any_point_leaves_the_new_order_or_the_old_one(
    mortal: Mortal, scenario: Scenario, step: str, fault: Fault
) -> None:
    world, folder = mortal.world, mortal.folder
    order = await scenario.prepare(world)
    before, seats = world.snapshot(order), world.seats_of(order)
    is_undo = step not in all_steps()
    if is_undo:
        folder.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    folder.arm(order, step, fault)
    deaths = len(mortal.killed_at)
    state, code = await outcome_of(world, (await scenario.act(world, order)).change)
    ended = time.monotonic()
    assert folder.struck(order, step, fault)
    assert len(mortal.killed_at) == deaths + 1
    if is_undo:
        assert (state, code) == ("refused", REFUSAL.code)
        assert (world.snapshot(order), world.seats_of(order)) == (before, seats)
    else:
        assert (state, code) == ("done", None)
    assert world.at_most_once(order)
    mortal.recovered_in.append(ended - mortal.killed_at[-1])
    assert mortal.recovered_in[-1] < LONGEST_RECOVERY


async def outcome_of(world: World, change: str) -> tuple[str, str | None]:
    """Wait until a request has ended, and return how."""
    async with asyncio.timeout(LONGEST_RECOVERY + 10):
        while True:
            shown = (await world.send("GET", f"/v1/changes/{change}")).body
            if shown["state"] in OUTCOMES:
                with contextlib.suppress(KeyError, TypeError):
                    return shown["state"], shown["problem"]["code"]
                return shown["state"], None
            await asyncio.sleep(0.05)
