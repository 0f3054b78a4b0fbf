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
from bench.workload import BenchOrder, ChangeSpec, Direct, Workload, connect_workload
from runtime.settings import Settings
from store.database.store import Store
from temporal.data_converter import DATA_CONVERTER

COUNTS = {1: 15, 8: 24, 32: 96}
"""Jobs of each kind, by number of callers."""


@dataclass(frozen=True)
class Bench:
    """One rig and the clients that run changes and bare workflows on it."""

    rig: Rig
    repeat: int
    workload: Workload
    direct: Direct
    client: Client
    counts: Mapping[int, int]

    async def all(self) -> list[Run]:
        """Measure everything, alternately forwards and backwards, so that drift of the machine affects all alike."""
        measurements = [self._bare, self._changes, self._directly, self._drafts]
        runs: list[Run] = []
        for callers in self.counts:
            for measure in measurements if self.repeat % 2 else reversed(measurements):
                runs += [each async for each in measure(callers)]
        return runs

    async def _bare(self, callers: int) -> AsyncIterator[Run]:
        for name, steps in BARE.items():
            queue = FIRST_VERSIONS if steps == FIVE else QUEUE
            names = [f"bare-{uuid.uuid4()}" for _ in range(self.counts[callers])]
            jobs = [partial(run_bare, self.client, each, steps, queue) for each in names]
            yield await run(self.rig, name, "bare", callers, self.repeat, jobs)

    async def _changes(self, callers: int) -> AsyncIterator[Run]:
        bench_orders = await self.create_orders(callers)
        for kind in KINDS:
            await self.prepare(bench_orders, kind.spec)
            jobs = [partial(self.workload.change, bench_order, kind.spec) for bench_order in bench_orders]
            yield await run(self.rig, kind.name, "api", callers, self.repeat, jobs)

    async def _directly(self, callers: int) -> AsyncIterator[Run]:
        bench_orders = await self.create_orders(callers)
        for kind in (ADD, DEARER):
            await self.prepare(bench_orders, kind.spec)
            yield await self.run_direct(bench_orders, kind, callers)

    async def run_direct(self, bench_orders: Sequence[BenchOrder], kind: Kind, callers: int) -> Run:
        """Submit the prepared changes to the workflows of these orders."""
        requests = [self.direct.store_request(bench_order, kind.spec) for bench_order in bench_orders]
        jobs = [partial(self.direct.change, request) for request in requests]
        measured = await run(self.rig, kind.name, "direct", callers, self.repeat, jobs)
        for bench_order, request in zip(bench_orders, requests, strict=True):
            self.direct.check(bench_order, request, kind.spec)
        return measured

    async def _drafts(self, callers: int) -> AsyncIterator[Run]:
        bench_orders = await self.create_orders(callers)
        await self.prepare(bench_orders, ADD.spec)
        await run_concurrently(self.workload.change(bench_order, ADD.spec) for bench_order in bench_orders)
        for number, spec in enumerate(DRAFTED, start=1):
            await self.prepare(bench_orders, spec)
            jobs = [partial(self.workload.change, bench_order, spec) for bench_order in bench_orders]
            name = f"{INTO_DRAFT} {number}"
            yield await run(self.rig, name, "api", callers, self.repeat, jobs)
        confirmations = [partial(self.workload.confirm, bench_order) for bench_order in bench_orders]
        yield await run(self.rig, CONFIRM, "api", callers, self.repeat, confirmations)

    async def create_orders(self, callers: int) -> list[BenchOrder]:
        """Create as many empty orders as there are jobs for this many callers."""
        return await run_concurrently(self.workload.create_order(number) for number in range(self.counts[callers]))

    async def prepare(self, bench_orders: Iterable[BenchOrder], spec: ChangeSpec) -> None:
        """Search the bundle of a change for each order."""
        await run_concurrently(self.workload.prepare(bench_order, spec) for bench_order in bench_orders)


@asynccontextmanager
async def open_bench(rig: Rig, repeat: int, counts: Mapping[int, int]) -> AsyncIterator[Bench]:
    """Connect to a rig, both as a client of its API and directly to its workflows."""
    client = await Client.connect(rig.stack.temporal, data_converter=DATA_CONVERTER)
    store = Store(rig.stack.database)
    async with connect_workload(rig.stack.api, rig.key) as workload:
        direct = Direct(OrderWorkflowClient(client), store, Settings().tenant)
        yield Bench(rig, repeat, workload, direct, client, counts)
    store.close()
