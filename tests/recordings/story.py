"""What a story is, and what several of them begin with."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle

from cli.faults.injection import Fault
from tests.support.canary import ADULT
from tests.support.world import CARD, Answer, World, replace

Run = WorkflowHandle[Any, Any]


@dataclass(frozen=True)
class Story:
    """What is done to an order, and what the installation it is done in needs."""

    tell: Callable[[World], Awaitable[Run]]
    """Returns the run whose history is kept, its end not waited for."""
    left_open: bool = False
    """Whether the run is recorded while it still waits."""
    events: int | None = None
    """How many events a run may have before it is told to carry on as another; Temporal's own number if none."""
    outside: bool = False
    """Whether payments are a provider in another system."""


def of_order(tell: Callable[[World], Awaitable[str]], **more: Any) -> Story:
    """Return a story whose history is that of the order's latest run."""

    async def run(world: World) -> Run:
        return world.workflow(await tell(world))

    return Story(run, **more)


async def drafted(world: World) -> str:
    """Return an order with an open draft of one change."""
    return (await world.open_draft())[0]


async def dearer(world: World, order: str) -> dict[str, Any]:
    """Return the operation that puts a dearer line in the place of the first."""
    return replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train()))


async def broken(world: World, step: str, fault: Fault) -> tuple[str, "asyncio.Task[Answer]"]:
    """Return an order whose dearer change in one go meets a fault, and the change under way."""
    order = await world.sold(ADULT)
    wanted = await dearer(world, order)
    world.faults.arm(order, step, fault)
    return order, asyncio.create_task(world.change(order, wanted, confirm=True, payment=CARD, Prefer="wait=30"))
