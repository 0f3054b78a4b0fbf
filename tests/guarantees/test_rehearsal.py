"""The next release, rehearsed as docs/releasing.md says it: with a patch, with builds, and beside an older worker.

Each release's worker is a process of its own; the commands are those that an engineer types.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.processes import Child
from cli.temporal_server import temporal_binary
from temporal.names import DEPLOYMENT, NEWER_WORKER_NEEDED, StepName, draft_id
from tests.guarantees.test_releasing import is_confirmed, wait_until_parked
from tests.replay_histories import failures, read
from tests.support import next_release, two_releases
from tests.support.canary import ADULT
from tests.support.installation import prepare_database, running_world
from tests.support.next_release import Release
from tests.support.postgres import new_database
from tests.support.release_worker import worker_of
from tests.support.world import CARD, Answer, World, replace, wait_for_worker

pytestmark = pytest.mark.faults

OLD, NEW = "2027-02-01", "2027-03-01"


@dataclass
class Site:
    """An installation whose workers are of the releases that the engineer starts."""

    world: World
    database: str
    temporal: str
    folder: Path
    stack: AsyncExitStack

    async def start(self, release: Release, build: str = "") -> Child:
        """Start the worker of a release; without a build, wait until it serves."""
        worker = worker_of(release, self.database, self.temporal, self.world.client.namespace, self.folder, build)
        self.run(worker)
        if not build:
            await wait_for_worker(self.world)
        return worker

    def run(self, process: Child) -> None:
        """Start a process, and end it with the installation at the latest."""
        process.start()
        self.stack.callback(process.stop)

    def command(self, *words: str) -> str:
        """Run one of Temporal's commands and return what it prints."""
        where = ("--address", self.temporal, "--namespace", self.world.client.namespace)
        command = [str(temporal_binary()), *words, *where]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - our own command
        assert done.returncode == 0, done.stderr
        return done.stdout

    def save_history(self, order: str) -> Path:
        """Write the history of an order's run to a file."""
        file = self.folder / f"{order}.json"
        file.write_text(self.command("workflow", "show", "-w", draft_id(order), "-o", "json"))
        return file

    def took_the_new_step(self, order: str) -> bool:
        """Whether the order's run has the step that the new release adds before each change."""
        events = read(self.save_history(order)).events
        return any(StepName.FIND_UNFINISHED_WORK.encode() in each.SerializeToString() for each in events)

    async def make_current(self, build: str) -> None:
        """Send new drafts to a build, once Temporal knows its worker."""
        version = ("--deployment-name", DEPLOYMENT, "--build-id", build)
        async with asyncio.timeout(30):
            while True:
                try:
                    self.command("worker", "deployment", "set-current-version", *version, "--yes")
                except AssertionError:
                    await asyncio.sleep(0.2)
                else:
                    return

    async def build_of(self, order: str) -> str:
        """Return the build that an order's run stays with."""
        info = (await self.world.workflow(order).describe()).raw_description.workflow_execution_info
        return info.versioning_info.deployment_version.build_id

    def open_drafts(self, build: str) -> int:
        """Return how many drafts of a build are open, by Temporal's list, which lags behind for a moment."""
        query = f"ExecutionStatus = 'Running' AND TemporalWorkerDeploymentVersion = '{DEPLOYMENT}:{build}'"
        return int(json.loads(self.command("workflow", "count", "--query", query, "-o", "json")).get("count", 0))

    async def confirm(self, order: str) -> bool:
        """Confirm an order's draft; whether it is then what it must be."""
        answer = await self.world.confirm(order, CARD)
        return answer.status == 200 and await is_confirmed(self.world, order)

    async def open_draft(self) -> str:
        """Sell an order and change it, so that its draft is open."""
        return (await self.world.open_draft())[0]


@asynccontextmanager
async def site(
    namespace: str,
    temporal: str,
    postgres_url: str,
    folder: Path,
    prepare: Callable[[str], object] = prepare_database,
) -> AsyncIterator[Site]:
    """An installation without a worker, on a database that is migrated and has the demo catalogue."""
    database = new_database(postgres_url, namespace.replace("-", "_"))
    prepare(database)
    async with running_world(database, temporal, namespace, with_worker=False) as world, AsyncExitStack() as stack:
        yield Site(world, database, temporal, folder, stack)


@contextmanager
def code_of(release: Release) -> Iterator[None]:
    """Check out the code of a release, to replay histories on it."""
    with pytest.MonkeyPatch.context() as code:
        release(code)
        yield


async def test_the_next_release_with_a_patch(temporal: str, postgres_url: str, tmp_path: Path) -> None:
    async with site("rehearsed-patch", temporal, postgres_url, tmp_path) as here:
        # The old release is at work: one draft has ended, one is open.
        old = await here.start(next_release.unchanged)
        ended, opened = await here.open_draft(), await here.open_draft()
        assert await here.confirm(ended)
        # 1. Replay what it has recorded on the new code. Without the patch, that fails: the code is wrong.
        recorded = [here.save_history(ended), here.save_history(opened)]
        with code_of(next_release.added_step):
            assert set(await failures(recorded)) == {each.stem for each in recorded}
        with code_of(next_release.added_step_under_a_patch):
            assert await failures(recorded) == {}
        # 2. Stop the old workers, then start the new ones.
        old.stop()
        new = await here.start(next_release.added_step_under_a_patch)
        # 3. The draft that was open ends as it began; a new one takes the new step.
        assert await here.confirm(opened)
        assert not here.took_the_new_step(opened)
        begun, later = await here.open_draft(), await here.open_draft()
        assert await here.confirm(begun)
        assert here.took_the_new_step(begun)
        # 4. There is no way back: the old code does not replay what the new one has recorded.
        with code_of(next_release.unchanged):
            assert set(await failures([here.save_history(begun), here.save_history(later)])) == {begun, later}
        draft = here.world.snapshot(later)
        new.stop()
        again = await here.start(next_release.unchanged)
        answer = await here.world.confirm(later, CARD)
        assert answer.status in (202, 503), answer.body
        await wait_until_parked(here.world, later)
        assert here.world.snapshot(later) == draft
        # 5. So roll forward: the draft was not harmed, and its request is carried out.
        again.stop()
        await here.start(next_release.added_step_under_a_patch)
        assert await here.world.wait_for_outcome(answer.change) == "done"
        assert await is_confirmed(here.world, later)


async def test_the_next_release_with_builds_and_its_way_back(temporal: str, postgres_url: str, tmp_path: Path) -> None:
    async with site("rehearsed-builds", temporal, postgres_url, tmp_path) as here:
        # The old build is at work.
        await here.start(next_release.unchanged, OLD)
        await here.make_current(OLD)
        first, second = await here.open_draft(), await here.open_draft()
        # 1. Start the new build beside it; nothing goes there yet. Its code need not replay the old one's drafts.
        new = await here.start(next_release.added_step, NEW)
        with code_of(next_release.added_step):
            assert await failures([here.save_history(first)]) != {}
        # 2. Name it current: new drafts go there, those that are open stay.
        await here.make_current(NEW)
        third, fourth = await here.open_draft(), await here.open_draft()
        assert [await here.build_of(each) for each in (first, second, third, fourth)] == [OLD, OLD, NEW, NEW]
        for each, takes in ((first, False), (third, True)):
            assert await here.confirm(each)
            assert here.took_the_new_step(each) is takes
        # 3. Back: name the old build current again. New drafts go there; the new one's end on its own workers.
        await here.make_current(OLD)
        fifth = await here.open_draft()
        assert await here.build_of(fifth) == OLD
        assert await here.confirm(fourth)
        assert (await here.build_of(fourth), here.took_the_new_step(fourth)) == (NEW, True)
        # 4. The new build is drained: stop it. The old one goes on.
        async with asyncio.timeout(30):
            while here.open_drafts(NEW):  # noqa: ASYNC110 - only the list shows it
                await asyncio.sleep(0.2)
        assert here.open_drafts(OLD) > 0
        new.stop()
        for each in (second, fifth):
            assert await here.confirm(each)
            assert not here.took_the_new_step(each)


async def test_a_release_that_adds_a_price_limit_beside_workers_that_do_not_know_it(
    temporal: str, postgres_url: str, tmp_path: Path
) -> None:
    async with site("rehearsed-formats", temporal, postgres_url, tmp_path) as here:
        world = here.world
        await here.start(two_releases.without_later_members)
        order = await world.sold(ADULT)
        bundle = await world.offer("flexible", ADULT, service=world.train())
        before = world.snapshot(order)
        with two_releases.newer_release():
            # Only the API is new: 100.00 more than the limit allows, which the workers cannot read.
            request = {"at_most": "99.99", "confirm": True, "payment": CARD}
            kept = await world.change(order, replace([f"{order}-1"], bundle), key="limited", **request)
            assert (kept.status, kept.code) == (503, NEWER_WORKER_NEEDED)
            assert world.snapshot(order) == before
            # A worker of the new release beside the old one: whichever gets the run, only the new one carries it out.
            release = two_releases.with_later_members
            beside = worker_of(release, here.database, temporal, world.client.namespace, tmp_path)
            beside.start()
            here.stack.callback(beside.stop)
            answer = await until_ended(world, order, bundle, "limited", **request)
            assert (answer.code, answer.change) == ("PRICE_ABOVE_LIMIT", kept.change)
            assert world.snapshot(order) == before
            for number in range(4):
                other, key = await world.sold(ADULT), f"within-{number}"
                bundle = await world.offer("flexible", ADULT, service=world.train())
                sent = await until_ended(world, other, bundle, key, at_most="100.00", confirm=True, payment=CARD)
                assert sent.status == 200, sent.body
                assert await is_confirmed(world, other)


async def until_ended(world: World, order: str, bundle: str, key: str, **request: Any) -> Answer:
    """Repeat a request under its key, as its client does, until it has an outcome."""
    async with asyncio.timeout(60):
        while True:
            answer = await world.change(order, replace([f"{order}-1"], bundle), key=key, **request)
            if answer.status not in (202, 503):
                return answer
            await asyncio.sleep(0.1)
