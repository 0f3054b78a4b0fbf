"""G11: the memory of open drafts in the worker and in the Temporal server."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, func, select

from bench.changes.kinds import STANDARD
from bench.growth.driver import connect
from bench.growth.invariant_check import InvariantsChecked, check
from bench.growth.trains import run_trains
from bench.load import run_concurrently
from bench.rig import Rig, rig
from bench.workload import ChangeSpec
from store.database.store import Store
from store.tables import OrderRow

GOAL = 10_000
CACHED = 500
FULL = 600
"""Drafts with which the worker's cache is certainly full: it grows a little beyond its limit."""
MIN_DRAFTS = 800
"""With fewer drafts the worker is not measured with a full cache."""
_SAMPLES = 10
_PER_TRAIN = 1_600
"""Drafts for each train number: fifty days with 32 seats each."""
_LONG = {"CHANGEOVER_DRAFT_LIFE": "PT12H", "CHANGEOVER_OFFER_LIFE": "PT12H", "CHANGEOVER_CACHED_DRAFTS": str(CACHED)}


@dataclass(frozen=True)
class Sample:
    """Resident memory in megabytes with this many open drafts."""

    drafts: int
    worker: float
    server: float


@dataclass(frozen=True)
class Drafts:
    """Memory samples while drafts were opened."""

    samples: Sequence[Sample]
    invariants: InvariantsChecked

    @property
    def extrapolated(self) -> bool:
        """Whether fewer drafts were opened than the goal is for."""
        return self.samples[-1].drafts < GOAL

    @property
    def per_draft(self) -> tuple[float, float]:
        """Kilobytes of each further draft in worker and server: over the second half, with the worker's cache full."""
        last = self.samples[-1]
        since = max(FULL, last.drafts // 2)
        first = next(each for each in self.samples if each.drafts >= since)
        more = last.drafts - first.drafts
        return (last.worker - first.worker) * 1000 / more, (last.server - first.server) * 1000 / more

    @property
    def at_goal(self) -> Sample:
        """Memory with as many drafts as the goal is for: measured, or extrapolated."""
        last, (worker, server) = self.samples[-1], self.per_draft
        more = max(GOAL - last.drafts, 0) / 1000
        return Sample(max(GOAL, last.drafts), last.worker + more * max(worker, 0), last.server + more * max(server, 0))


def measure(database: str, drafts: int = 1_000) -> Drafts:
    """Open this many drafts, each with one line and one seat, and leave them open."""
    if drafts < MIN_DRAFTS:
        raise ValueError(f"at least {MIN_DRAFTS} drafts")
    with rig(database, _LONG) as started:
        names = tuple(f"many{each}" for each in range(-(-drafts // _PER_TRAIN)))
        run_trains(started.stack.database, names, coaches=2, seats=16)
        samples = asyncio.run(_measure(started, drafts))
        opened = _open(started.stack.database)
        if opened != drafts:
            raise AssertionError(f"{opened} of {drafts} drafts are open")
        return Drafts(samples, check(started.stack.database))


async def _measure(started: Rig, drafts: int) -> list[Sample]:
    samples = [_sample(started, 0)]
    part = -(-drafts // _SAMPLES)
    async with connect(started) as driver:
        for first in range(0, drafts, part):
            until = min(first + part, drafts)
            await run_concurrently(driver.create_order(number, _spec(number)) for number in range(first, until))
            samples.append(_sample(started, until))
    return samples


def _spec(number: int) -> ChangeSpec:
    return ChangeSpec(STANDARD, f"many{number // _PER_TRAIN}", adds=True)


def _sample(started: Rig, drafts: int) -> Sample:
    memory = started.processes.megabytes()
    return Sample(drafts, memory["worker"], memory["temporal"])


def _open(url: str) -> int:
    store = Store(url)
    with store.read() as tx:
        count = tx.exec(select(func.count()).where(col(OrderRow.draft_opened_by).is_not(None))).one()
    store.close()
    return count
