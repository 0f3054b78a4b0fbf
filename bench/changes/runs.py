"""Runs every kind of change and every bare workflow, one after the other, on one rig."""

import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from temporalio.client import Client

from api.workflow_client import OrderWorkflowClient
from bench.bare import FIRST_VERSIONS, QUEUE, run_bare
from bench.changes.kinds import ADD, BARE, CONFIRM, DEARER, DRAFTED, FIVE, INTO_DRAFT, KINDS, Kind
from bench.load import Run, run, some_at_once
from bench.rig import Rig
from bench.workload import Course, Direct, Wish, Workload, shop_at
from runtime.settings import Settings
from store.database.store import Store
from temporal.data_converter import DATA_CONVERTER

COUNTS = {1: 15, 8: 24, 32: 96}
"""How many of each are done by so many callers."""


@dataclass(frozen=True)
class Bench:
    """One rig, asked in every way."""

    rig: Rig
    repeat: int
    shop: Workload
    direct: Direct
    client: Client
    counts: Mapping[int, int]

    async def all(self) -> list[Run]:
        """Measure everything, forwards or backwards by turns, so that whatever drifts hits all alike."""
        ways = [self._bare, self._changes, self._directly, self._drafts]
        found: list[Run] = []
        for many in self.counts:
            for way in ways if self.repeat % 2 else reversed(ways):
                found += [each async for each in way(many)]
        return found

    async def _bare(self, callers: int) -> AsyncIterator[Run]:
        for name, steps in BARE.items():
            queue = FIRST_VERSIONS if steps == FIVE else QUEUE
            names = [f"bare-{uuid.uuid4()}" for _ in range(self.counts[callers])]
            jobs = [partial(run_bare, self.client, each, steps, queue) for each in names]
            yield await run(self.rig, name, "bare", callers, self.repeat, jobs)

    async def _changes(self, callers: int) -> AsyncIterator[Run]:
        courses = await self.courses(callers)
        for kind in KINDS:
            await self.prepare(courses, kind.wish)
            jobs = [partial(self.shop.change, course, kind.wish) for course in courses]
            yield await run(self.rig, kind.name, "api", callers, self.repeat, jobs)

    async def _directly(self, callers: int) -> AsyncIterator[Run]:
        courses = await self.courses(callers)
        for kind in (ADD, DEARER):
            await self.prepare(courses, kind.wish)
            yield await self.directly(courses, kind, callers)

    async def directly(self, courses: Sequence[Course], kind: Kind, callers: int) -> Run:
        """Ask the workflows of these orders for what was prepared."""
        asked = [self.direct.write_down(course, kind.wish) for course in courses]
        jobs = [partial(self.direct.change, request) for request in asked]
        measured = await run(self.rig, kind.name, "direct", callers, self.repeat, jobs)
        for course, request in zip(courses, asked, strict=True):
            self.direct.check(course, request, kind.wish)
        return measured

    async def _drafts(self, callers: int) -> AsyncIterator[Run]:
        courses = await self.courses(callers)
        await self.prepare(courses, ADD.wish)
        await some_at_once(self.shop.change(course, ADD.wish) for course in courses)
        for number, wish in enumerate(DRAFTED, start=1):
            await self.prepare(courses, wish)
            jobs = [partial(self.shop.change, course, wish) for course in courses]
            name = f"{INTO_DRAFT} {number}"
            yield await run(self.rig, name, "api", callers, self.repeat, jobs)
        confirmations = [partial(self.shop.confirm, course) for course in courses]
        yield await run(self.rig, CONFIRM, "api", callers, self.repeat, confirmations)

    async def courses(self, callers: int) -> list[Course]:
        """Make as many empty orders as so many callers ask for."""
        return await some_at_once(self.shop.course(number) for number in range(self.counts[callers]))

    async def prepare(self, courses: Iterable[Course], wish: Wish) -> None:
        """Find the bundles that a wish will take."""
        await some_at_once(self.shop.prepare(course, wish) for course in courses)


@asynccontextmanager
async def benching(rig: Rig, repeat: int, counts: Mapping[int, int]) -> AsyncIterator[Bench]:
    """Connect to a rig, as a client of its API and as its API."""
    client = await Client.connect(rig.stack.temporal, data_converter=DATA_CONVERTER)
    store = Store(rig.stack.database)
    async with shop_at(rig.stack.api, rig.key) as shop:
        yield Bench(rig, repeat, shop, Direct(OrderWorkflowClient(client), store, Settings().tenant), client, counts)
    store.close()
