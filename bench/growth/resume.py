"""G12: a change of a draft that has left the worker's memory, compared with one of a draft still in it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bench.changes.kinds import EARLY_TRAIN, FLEXIBLE, INTO_DRAFT, LATE_TRAIN, STANDARD
from bench.growth.compared import Compared, compared
from bench.growth.driver import GrowthDriver, connect
from bench.growth.invariant_check import InvariantsChecked, check
from bench.load import Run, run_concurrently
from bench.rig import Rig, rig
from bench.scraping import read_counter
from bench.workload import BenchOrder, ChangeSpec
from telemetry.loopback import free_port

_OPENED, _OTHER, _MEASURED = (
    ChangeSpec(STANDARD, EARLY_TRAIN, adds=True),
    ChangeSpec(STANDARD, EARLY_TRAIN),
    ChangeSpec(FLEXIBLE, LATE_TRAIN),
)
_LIFE = "PT12H"


@dataclass(frozen=True)
class Resumed:
    """What a change of a parked draft cost, compared with one of a draft that was changed just before."""

    compared: Compared
    drafts: int
    cached: int
    misses: tuple[int, int]
    """How often the worker had to read a history: for cold and for warm drafts."""
    changes: int
    """The number of cold changes, and of warm ones."""
    events: int
    """The most events to replay."""
    invariants: InvariantsChecked


def measure(database: str, drafts: int = 200, cached: int = 50, repeats: int = 5, batch: int = 8) -> Resumed:
    """Open drafts, of which only some stay in memory, and change the oldest: first cold, then warm."""
    if repeats * batch > drafts - cached:
        raise ValueError("every draft to resume has to be parked")
    port = free_port()
    more = {"CHANGEOVER_CACHED_DRAFTS": str(cached), "CHANGEOVER_WORKER_METRICS_PORT": str(port)}
    with rig(database, {**more, "CHANGEOVER_DRAFT_LIFE": _LIFE, "CHANGEOVER_OFFER_LIFE": _LIFE}) as started:
        measured = asyncio.run(_Resuming(port, repeats, batch).measure(started, drafts))
        invariants = check(started.stack.database)
    cold, warm = measured.runs
    return Resumed(
        compared=compared(INTO_DRAFT, cold, warm),
        drafts=drafts,
        cached=cached,
        misses=(measured.misses[0], measured.misses[1]),
        changes=repeats * batch,
        events=measured.events,
        invariants=invariants,
    )


class _Resuming:
    """Changes drafts and measures the cost; index 0 is cold, 1 is warm."""

    def __init__(self, port: int, repeats: int, batch: int) -> None:
        self._port, self._repeats, self._batch = port, repeats, batch
        self.runs: tuple[list[Run], list[Run]] = ([], [])
        self.misses = [0, 0]
        self.events = 0

    async def measure(self, started: Rig, drafts: int) -> "_Resuming":
        async with connect(started) as driver:
            bench_orders = await run_concurrently(driver.create_order(number, _OPENED) for number in range(drafts))
            for repeat in range(self._repeats):
                some = bench_orders[repeat * self._batch : (repeat + 1) * self._batch]
                self.events = max([self.events, *[(await driver.history(each.order)).events for each in some]])
                await self._resume(driver, 0, some, repeat)
                await run_concurrently(driver.change(bench_order, _OTHER) for bench_order in some)
                await self._resume(driver, 1, some, repeat)
        return self

    async def _resume(self, driver: GrowthDriver, which: int, bench_orders: Sequence[BenchOrder], repeat: int) -> None:
        before = self._missed()
        self.runs[which].append(await driver.measure_change(INTO_DRAFT, _MEASURED, bench_orders, repeat))
        self.misses[which] += self._missed() - before

    def _missed(self) -> int:
        """Return how often the worker has read a history because a draft was not in its memory."""
        return int(read_counter(self._port, "temporal_sticky_cache_miss_total"))
