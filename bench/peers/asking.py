"""The two asked for the same change: ours through its API and directly, the DBOS app through its own."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import httpx2

from bench.changes.kinds import ADD, DEARER
from bench.changes.measure import Bench
from bench.load import Run, run
from bench.peers.peer import Peer, request
from bench.rig import Rig
from bench.shop import Course, Wish

API, DIRECT, DBOS = "ours", "ours, directly", "DBOS"

REST_SECONDS = 11.0
"""Temporal leaves timers behind that ring after ten seconds: what they cost must not fall on DBOS. On ours falls
what selling its orders left, as in a shop that goes on selling."""
_PREPARING = 8

T = TypeVar("T")


@dataclass(frozen=True)
class Pair:
    """Ours and the peer, started on one PostgreSQL server."""

    bench: Bench
    peer: Peer
    http: httpx2.AsyncClient
    """To the peer."""

    @property
    def rig(self) -> Rig:
        """All that runs. The bare worker has nothing to do here: the peer is sampled in its place."""
        return replace(self.bench.rig, bare=self.peer.app)

    async def all(self, callers: int, count: int) -> list[Run]:
        """Measure the three, forwards or backwards by turns."""
        ways = [self._api, self._dbos, self._directly]
        return [await way(callers, count) for way in (ways if self.bench.repeat % 2 else reversed(ways))]

    async def _api(self, callers: int, count: int) -> Run:
        courses = await self._courses(count)
        jobs = [partial(self.bench.shop.change, course, DEARER.wish) for course in courses]
        return await run(self.rig, API, "api", callers, self.bench.repeat, jobs)

    async def _directly(self, callers: int, count: int) -> Run:
        courses, direct = await self._courses(count), self.bench.direct
        asked = [direct.write_down(course, DEARER.wish) for course in courses]
        jobs = [partial(direct.change, each) for each in asked]
        measured = await run(self.rig, DIRECT, "direct", callers, self.bench.repeat, jobs)
        for course, each in zip(courses, asked, strict=True):
            direct.check(course, each, DEARER.wish)
        return measured

    async def _dbos(self, callers: int, count: int) -> Run:
        orders = await asyncio.to_thread(self.peer.sell, count)
        jobs = [partial(self._change, order) for order in orders]
        await asyncio.sleep(REST_SECONDS)
        return await run(self.rig, DBOS, "api", callers, self.bench.repeat, jobs)

    async def _change(self, order: str) -> None:
        answer = (await self.http.post("/changes", json=request(order))).json()
        if answer.get("state") != "done":
            raise AssertionError(f"{order}: {answer}")

    async def _courses(self, count: int) -> Sequence[Course]:
        """Sell our orders one line each, to be changed."""
        shop = self.bench.shop
        courses = await _some_at_once(shop.course(number) for number in range(count))
        await self._prepare(courses, ADD.wish)
        await _some_at_once(shop.change(course, ADD.wish) for course in courses)
        await self._prepare(courses, DEARER.wish)
        return courses

    async def _prepare(self, courses: Iterable[Course], wish: Wish) -> None:
        await _some_at_once(self.bench.shop.prepare(course, wish) for course in courses)


async def _some_at_once(acts: Iterable[Coroutine[None, None, T]]) -> list[T]:
    turn = asyncio.Semaphore(_PREPARING)

    async def one(act: Coroutine[None, None, T]) -> T:
        async with turn:
            return await act

    return await asyncio.gather(*(one(act) for act in acts))
