"""What one change, done alone, leaves in Temporal: history, and actions it would be billed for."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from temporalio.client import Client

from bench.changes.kinds import ADD, CONFIRM, DRAFTED, INTO_DRAFT, KINDS
from bench.histories import History, history_of
from bench.rig import Rig
from bench.workload import BenchOrder, Workload

_NOTHING = History(0, 0)
_STILL = 1.5
"""Seconds for which the server tells of no further action, until it is taken to have told all: it tells each second."""


@dataclass(frozen=True)
class Footprint:
    """What one change has left."""

    history: History
    actions: float
    """By the server's own counter; whatever else it did meanwhile is among them."""


class Footprints:
    """Does one change after the other and sees what each leaves."""

    def __init__(self, rig: Rig, shop: Workload, client: Client) -> None:
        self._rig = rig
        self._shop = shop
        self._client = client
        self._known = 0.0

    async def all(self) -> dict[str, Footprint]:
        """Return what each kind of change leaves."""
        found = dict[str, Footprint]()
        await self._counted()
        course = await self._shop.create_order(0)
        for kind in KINDS:
            await self._shop.prepare(course, kind.spec)
            found[f"{kind.name} in one go"] = await self._left(course, self._shop.change(course, kind.spec), _NOTHING)
        course, before = await self._shop.create_order(1), _NOTHING
        await self._shop.prepare(course, ADD.spec)
        await self._left(course, self._shop.change(course, ADD.spec), _NOTHING)
        for number, wish in enumerate(DRAFTED, start=1):
            await self._shop.prepare(course, wish)
            footprint = await self._left(course, self._shop.change(course, wish), before)
            found[f"{INTO_DRAFT} {number}"], before = footprint, await history_of(self._client, course.order)
        found[CONFIRM] = await self._left(course, self._shop.confirm(course), before)
        return found

    async def _left(self, course: BenchOrder, act: Awaitable[None], before: History) -> Footprint:
        await act
        counted = await self._counted()
        return Footprint(await history_of(self._client, course.order) - before, counted)

    async def _counted(self) -> float:
        """Return what the server has counted since, once its count stands still: a run goes on after its answer."""
        before = self._known
        while True:
            await asyncio.sleep(_STILL)
            count = self._rig.actions()
            if count == self._known:
                return count - before
            self._known = count
