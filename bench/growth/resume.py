"""G12: a change of a draft that has left the worker's memory, against one of a draft still in it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import httpx2

from bench.changes.kinds import FLEXIBLE, INTO_DRAFT, LATER, STANDARD, THERE
from bench.growth.asking import Asking, asking, some_at_once
from bench.growth.books import Books, check
from bench.growth.ratios import Compared, compared
from bench.load import Run, run
from bench.rig import Rig, rig
from bench.shop import Course, Wish
from telemetry.loopback import HOST, free_port

_OPENED, _OTHER, _MEASURED = Wish(STANDARD, THERE, adds=True), Wish(STANDARD, THERE), Wish(FLEXIBLE, LATER)
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
    books: Books


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
        async with asking(started) as at:
            courses = await some_at_once(_open_one(at, number) for number in range(drafts))
            for repeat in range(self._repeats):
                some = courses[repeat * self._batch : (repeat + 1) * self._batch]
                self.events = max([self.events, *[(await at.history(each.order)).events for each in some]])
                await self._resume(at, 0, some, repeat)
                await some_at_once(_change(at, course, _OTHER) for course in some)
                await self._resume(at, 1, some, repeat)
        return self

    async def _resume(self, at: Asking, which: int, courses: Sequence[Course], repeat: int) -> None:
        await some_at_once(at.shop.prepare(course, _MEASURED) for course in courses)
        jobs = [partial(at.shop.change, course, _MEASURED) for course in courses]
        before = self._missed()
        self.runs[which].append(await run(at.rig, INTO_DRAFT, "api", 1, repeat, jobs))
        self.misses[which] += self._missed() - before

    def _missed(self) -> int:
        """Return how often the worker has had to read a history because a draft was not in its memory."""
        text = httpx2.get(f"http://{HOST}:{self._port}/metrics", timeout=10).text
        lines = [line for line in text.splitlines() if line.startswith("temporal_sticky_cache_miss")]
        return int(sum(float(line.rpartition(" ")[2]) for line in lines))


async def _open_one(at: Asking, number: int) -> Course:
    course = await at.shop.course(number)
    await _change(at, course, _OPENED)
    return course


async def _change(at: Asking, course: Course, wish: Wish) -> None:
    await at.shop.prepare(course, wish)
    await at.shop.change(course, wish)
