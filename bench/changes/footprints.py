"""The footprint of one change in Temporal, run alone: its history and its billed actions."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from temporalio.client import Client

from bench.changes.kinds import ADD, CONFIRM, DRAFTED, INTO_DRAFT, KINDS, Kind
from bench.histories import History, history_of
from bench.rig import Rig
from bench.workload import BenchOrder, Workload

_NOTHING = History(0, 0)
_STILL = 1.5
"""Seconds without a further action after which the count is taken as complete: the server updates it each second."""


@dataclass(frozen=True)
class Footprint:
    """History and actions of one change."""

    history: History
    actions: float
    """By the server's own counter; it includes any other action of that time."""


def in_one_go(kind: Kind) -> str:
    """Return the name of the footprint of a change in one go."""
    return f"{kind.name} in one go"


class Footprints:
    """Runs one change after the other and measures the footprint of each."""

    def __init__(self, rig: Rig, workload: Workload, client: Client) -> None:
        self._rig = rig
        self._workload = workload
        self._client = client
        self._known = 0.0

    async def all(self) -> dict[str, Footprint]:
        """Return the footprint of each kind of change."""
        footprints = dict[str, Footprint]()
        await self._counted()
        bench_order = await self._workload.create_order(0)
        for kind in KINDS:
            await self._workload.prepare(bench_order, kind.spec)
            change = self._workload.change(bench_order, kind.spec)
            footprints[in_one_go(kind)] = await self._measure(bench_order, change, _NOTHING)
        bench_order, before = await self._workload.create_order(1), _NOTHING
        await self._workload.prepare(bench_order, ADD.spec)
        await self._measure(bench_order, self._workload.change(bench_order, ADD.spec), _NOTHING)
        for number, spec in enumerate(DRAFTED, start=1):
            await self._workload.prepare(bench_order, spec)
            footprint = await self._measure(bench_order, self._workload.change(bench_order, spec), before)
            footprints[f"{INTO_DRAFT} {number}"], before = footprint, await history_of(self._client, bench_order.order)
        footprints[CONFIRM] = await self._measure(bench_order, self._workload.confirm(bench_order), before)
        return footprints

    async def _measure(self, bench_order: BenchOrder, act: Awaitable[None], before: History) -> Footprint:
        await act
        counted = await self._counted()
        return Footprint(await history_of(self._client, bench_order.order) - before, counted)

    async def _counted(self) -> float:
        """Return the actions since the last call, once the count is stable: a run continues after its answer."""
        before = self._known
        while True:
            await asyncio.sleep(_STILL)
            count = self._rig.actions()
            if count == self._known:
                return count - before
            self._known = count
