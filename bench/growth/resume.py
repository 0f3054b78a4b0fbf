"""G12: a change of a draft that has left the worker's memory, against one of a draft still in it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bench.changes.kinds import FLEXIBLE, INTO_DRAFT, LATE_TRAIN, STANDARD, EARLY_TRAIN
from bench.growth.compared import Compared, compared
from bench.growth.driver import GrowthDriver, connect
from bench.growth.invariant_check import InvariantsChecked, check
from bench.load import Run, run_concurrently
from bench.rig import Rig, rig
from bench.scraping import read_counter
from bench.workload import BenchOrder, ChangeSpec
from telemetry.loopback import free_port

_OPENED, _OTHER, _MEASURED = ChangeSpec(STANDARD, EARLY_TRAIN, adds=True), ChangeSpec(STANDARD, EARLY_TRAIN), ChangeSpec(FLEXIBLE, LATE_TRAIN)
_LIFE = "PT12H"


@dataclass(frozen=True)
class Resumed:
    """What a change of a parked draft cost, beside a draft changed just now."""

    compared: Compared
    drafts: int
    cached: int
    misses: tuple[int, int]
    """How often the worker had to read a history: while drafts were resumed cold, and warm."""
    changes: int
    """As many of each."""
    events: int
    """The most there were to replay."""
    books: InvariantsChecked


def measure(database: str, drafts: int = 200, cached: int = 50, repeats: int = 5, batch: int = 8) -> Resumed:
    """Open drafts, park them all but some, and change the oldest: cold, and soon again."""
    if repeats * batch > drafts - cached:
        raise ValueError("every draft that is resumed has to be parked")
    port = free_port()
    more = {"CHANGEOVER_CACHED_DRAFTS": str(cached), "CHANGEOVER_WORKER_METRICS_PORT": str(port)}
    with rig(database, {**more, "CHANGEOVER_DRAFT_LIFE": _LIFE, "CHANGEOVER_OFFER_LIFE": _LIFE}) as started:
        seen = asyncio.run(_Resuming(port, repeats, batch).measure(started, drafts))
        books = check(started.stack.database)
    cold, warm = seen.runs
    return Resumed(
        compared=compared(INTO_DRAFT, cold, warm),
        drafts=drafts,
        cached=cached,
        misses=(seen.misses[0], seen.misses[1]),
        changes=repeats * batch,
        events=seen.events,
        books=books,
    )


class _Resuming:
    """Resumes drafts, and sees what it costs; cold is 0 and warm is 1."""

    def __init__(self, port: int, repeats: int, batch: int) -> None:
        self._port, self._repeats, self._batch = port, repeats, batch
        self.runs: tuple[list[Run], list[Run]] = ([], [])
        self.misses = [0, 0]
        self.events = 0

    async def measure(self, started: Rig, drafts: int) -> "_Resuming":
        async with connect(started) as at:
            courses = await run_concurrently(at.create_order(number, _OPENED) for number in range(drafts))
            for repeat in range(self._repeats):
                some = courses[repeat * self._batch : (repeat + 1) * self._batch]
                self.events = max([self.events, *[(await at.history(each.order)).events for each in some]])
                await self._resume(at, 0, some, repeat)
                await run_concurrently(at.change(course, _OTHER) for course in some)
                await self._resume(at, 1, some, repeat)
        return self

    async def _resume(self, at: GrowthDriver, which: int, courses: Sequence[BenchOrder], repeat: int) -> None:
        before = self._missed()
        self.runs[which].append(await at.measure_change(INTO_DRAFT, _MEASURED, courses, repeat))
        self.misses[which] += self._missed() - before

    def _missed(self) -> int:
        """Return how often the worker has had to read a history because a draft was not in its memory."""
        return int(read_counter(self._port, "temporal_sticky_cache_miss_total"))
