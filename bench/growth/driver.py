"""A rig and a shop to ask it through."""

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
    """A rig's API and its Temporal server."""

    rig: Rig
    workload: Workload
    client: Client

    async def history(self, order: str) -> History:
        """Return how long the history of an order's latest run is."""
        return await history_of(self.client, order)

    async def create_order(self, number: int, wish: ChangeSpec) -> BenchOrder:
        """Make an order and ask for its first bundle."""
        course = await self.workload.create_order(number)
        await self.change(course, wish)
        return course

    async def change(self, course: BenchOrder, wish: ChangeSpec) -> None:
        """Change an order, unmeasured."""
        await self.workload.prepare(course, wish)
        await self.workload.change(course, wish)

    async def measure_change(self, change: str, wish: ChangeSpec, courses: Sequence[BenchOrder], repeat: int) -> Run:
        """Change orders one after the other, and say what one cost."""
        await run_concurrently(self.workload.prepare(course, wish) for course in courses)
        jobs = [partial(self.workload.change, course, wish) for course in courses]
        return await run(self.rig, change, "api", 1, repeat, jobs)


@asynccontextmanager
async def connect(rig: Rig) -> AsyncIterator[GrowthDriver]:
    """Connect to a rig."""
    client = await Client.connect(rig.stack.temporal)
    async with connect_workload(rig.stack.api, rig.key) as shop:
        yield GrowthDriver(rig, shop, client)
