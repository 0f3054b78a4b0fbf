"""A rig with the clients that the growth measurements use."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from temporalio.client import Client

from bench.histories import History, history_of
from bench.load import Run, run, run_concurrently
from bench.rig import Rig
from bench.workload import BenchOrder, ChangeSpec, Workload, connect_workload


@dataclass(frozen=True)
class GrowthDriver:
    """Clients of a rig's API and of its Temporal server."""

    rig: Rig
    workload: Workload
    client: Client

    async def history(self, order: str) -> History:
        """Return the size of the history of an order's latest run."""
        return await history_of(self.client, order)

    async def create_order(self, number: int, spec: ChangeSpec) -> BenchOrder:
        """Create an order and add its first bundle."""
        bench_order = await self.workload.create_order(number)
        await self.change(bench_order, spec)
        return bench_order

    async def change(self, bench_order: BenchOrder, spec: ChangeSpec) -> None:
        """Change an order without measuring."""
        await self.workload.prepare(bench_order, spec)
        await self.workload.change(bench_order, spec)

    async def measure_change(
        self, change: str, spec: ChangeSpec, bench_orders: Sequence[BenchOrder], repeat: int
    ) -> Run:
        """Change orders one after the other and return what one change cost."""
        await run_concurrently(self.workload.prepare(bench_order, spec) for bench_order in bench_orders)
        jobs = [partial(self.workload.change, bench_order, spec) for bench_order in bench_orders]
        return await run(self.rig, change, "api", 1, repeat, jobs)


@asynccontextmanager
async def connect(rig: Rig) -> AsyncIterator[GrowthDriver]:
    """Connect to a rig."""
    client = await Client.connect(rig.stack.temporal)
    async with connect_workload(rig.stack.api, rig.key) as workload:
        yield GrowthDriver(rig, workload, client)
