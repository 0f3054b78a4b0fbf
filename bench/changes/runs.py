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
from bench.load import Run, run, run_concurrently
from bench.rig import Rig
from bench.workload import BenchOrder, Direct, ChangeSpec, Workload, connect_workload
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
    workload: Workload
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
        courses = await self.create_orders(callers)
        for kind in KINDS:
            await self.prepare(courses, kind.spec)
            jobs = [partial(self.workload.change, course, kind.spec) for course in courses]
            yield await run(self.rig, kind.name, "api", callers, self.repeat, jobs)

    async def _directly(self, callers: int) -> AsyncIterator[Run]:
        courses = await self.create_orders(callers)
        for kind in (ADD, DEARER):
            await self.prepare(courses, kind.spec)
            yield await self.run_direct(courses, kind, callers)

    async def run_direct(self, courses: Sequence[BenchOrder], kind: Kind, callers: int) -> Run:
        """Ask the workflows of these orders for what was prepared."""
        asked = [self.direct.store_request(course, kind.spec) for course in courses]
        jobs = [partial(self.direct.change, request) for request in asked]
        measured = await run(self.rig, kind.name, "direct", callers, self.repeat, jobs)
        for course, request in zip(courses, asked, strict=True):
            self.direct.check(course, request, kind.spec)
        return measured

    async def _drafts(self, callers: int) -> AsyncIterator[Run]:
        courses = await self.create_orders(callers)
        await self.prepare(courses, ADD.spec)
        await run_concurrently(self.workload.change(course, ADD.spec) for course in courses)
        for number, wish in enumerate(DRAFTED, start=1):
            await self.prepare(courses, wish)
            jobs = [partial(self.workload.change, course, wish) for course in courses]
            name = f"{INTO_DRAFT} {number}"
            yield await run(self.rig, name, "api", callers, self.repeat, jobs)
        confirmations = [partial(self.workload.confirm, course) for course in courses]
        yield await run(self.rig, CONFIRM, "api", callers, self.repeat, confirmations)

    async def create_orders(self, callers: int) -> list[BenchOrder]:
        """Make as many empty orders as so many callers ask for."""
        return await run_concurrently(self.workload.create_order(number) for number in range(self.counts[callers]))

    async def prepare(self, courses: Iterable[BenchOrder], wish: ChangeSpec) -> None:
        """Find the bundles that a wish will take."""
        await run_concurrently(self.workload.prepare(course, wish) for course in courses)


@asynccontextmanager
async def open_bench(rig: Rig, repeat: int, counts: Mapping[int, int]) -> AsyncIterator[Bench]:
    """Connect to a rig, as a client of its API and as its API."""
    client = await Client.connect(rig.stack.temporal, data_converter=DATA_CONVERTER)
    store = Store(rig.stack.database)
    async with connect_workload(rig.stack.api, rig.key) as shop:
        yield Bench(rig, repeat, shop, Direct(OrderWorkflowClient(client), store, Settings().tenant), client, counts)
    store.close()
