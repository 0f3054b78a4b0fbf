"""A rig and a shop to ask it through."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from temporalio.client import Client

from bench.histories import History, history_of
from bench.load import Run, run, some_at_once
from bench.rig import Rig
from bench.workload import Course, Wish, Workload, shop_at


@dataclass(frozen=True)
class Asking:
    """A rig's API and its Temporal server."""

    rig: Rig
    shop: Workload
    client: Client

    async def history(self, order: str) -> History:
        """Return how long the history of an order's latest run is."""
        return await history_of(self.client, order)

    async def begun(self, number: int, wish: Wish) -> Course:
        """Make an order and ask for its first bundle."""
        course = await self.shop.course(number)
        await self.ask(course, wish)
        return course

    async def ask(self, course: Course, wish: Wish) -> None:
        """Change an order, unmeasured."""
        await self.shop.prepare(course, wish)
        await self.shop.change(course, wish)

    async def changed(self, change: str, wish: Wish, courses: Sequence[Course], repeat: int) -> Run:
        """Change orders one after the other, and say what one cost."""
        await some_at_once(self.shop.prepare(course, wish) for course in courses)
        jobs = [partial(self.shop.change, course, wish) for course in courses]
        return await run(self.rig, change, "api", 1, repeat, jobs)


@asynccontextmanager
async def asking(rig: Rig) -> AsyncIterator[Asking]:
    """Connect to a rig."""
    client = await Client.connect(rig.stack.temporal)
    async with shop_at(rig.stack.api, rig.key) as shop:
        yield Asking(rig, shop, client)
