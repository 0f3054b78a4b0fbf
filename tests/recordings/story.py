"""The type of a story, and the beginnings that several stories share."""

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
    """A story: what happens to an order, and the installation that it needs."""

    play: Callable[[World], Awaitable[Run]]
    """Plays the story and returns the run to record, without waiting for its end."""
    left_open: bool = False
    """Whether the run is recorded while it is still open."""
    events: int | None = None
    """The number of events after which Temporal suggests continue-as-new; None: Temporal's default."""
    external: bool = False
    """Whether the payment provider is external."""


def of_order(play: Callable[[World], Awaitable[str]], **more: Any) -> Story:
    """Return a story whose history is that of the order's latest run."""

    async def run(world: World) -> Run:
        return world.workflow(await play(world))

    return Story(run, **more)


async def drafted(world: World) -> str:
    """Return an order with an open draft of one change."""
    return (await world.open_draft())[0]


async def dearer(world: World, order: str) -> dict[str, Any]:
    """Return the operation that replaces the first line by a dearer one."""
    return replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train()))


async def with_fault(world: World, step: str, fault: Fault) -> tuple[str, "asyncio.Task[Answer]"]:
    """Return an order whose dearer change in one go meets a fault, and the running request."""
    order = await world.sold(ADULT)
    operation = await dearer(world, order)
    world.faults.arm(order, step, fault)
    return order, asyncio.create_task(world.change(order, operation, confirm=True, payment=CARD, Prefer="wait=30"))
