"""A shop to ask a rig through, and what a draft's run has written into its history."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import httpx2
from temporalio.client import Client

from bench.rig import Rig
from bench.shop import Shop
from workflows.names import draft_id

T = TypeVar("T")
AT_ONCE = 8


@dataclass(frozen=True)
class Asking:
    """A rig's API and its Temporal server."""

    rig: Rig
    shop: Shop
    client: Client

    async def history(self, order: str) -> "History":
        """Return how large the history of an order's latest draft is."""
        found = await self.client.get_workflow_handle(draft_id(order)).fetch_history()
        return History(len(found.events), sum(event.ByteSize() for event in found.events))


@dataclass(frozen=True)
class History:
    """The size of one run's history."""

    events: int
    size: int
    """In bytes."""


@asynccontextmanager
async def asking(rig: Rig) -> AsyncIterator[Asking]:
    """Connect to a rig."""
    client = await Client.connect(rig.stack.temporal)
    limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx2.AsyncClient(base_url=rig.stack.api, timeout=60, limits=limits) as http:
        yield Asking(rig, Shop(http), client)


async def some_at_once(acts: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Do all, eight at a time."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(act: Coroutine[None, None, T]) -> T:
        async with turn:
            return await act

    return await asyncio.gather(*(one(act) for act in acts))
