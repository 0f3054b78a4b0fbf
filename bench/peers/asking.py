"""The two asked for the same change: ours through its API and directly, the DBOS app through its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import httpx2

from bench.changes.kinds import ADD, DEARER
from bench.changes.runs import Bench
from bench.load import Run, run, some_at_once
from bench.peers.peer import Peer, request
from bench.workload import Course

API, DIRECT, DBOS = "ours", "ours, directly", "DBOS"

REST_SECONDS = 11.0
"""Temporal leaves timers behind that ring after ten seconds: what they cost must not fall on DBOS. On ours falls
what selling its orders left, as in a shop that goes on selling."""


@dataclass(frozen=True)
class Pair:
    """Ours and the peer, started on one PostgreSQL server."""

    bench: Bench
    """Ours. The bare worker has nothing to do here: the peer is sampled in its place."""
    peer: Peer
    http: httpx2.AsyncClient
    """To the peer."""

    async def all(self, callers: int) -> list[Run]:
        """Measure the three, forwards or backwards by turns."""
        ways = [self._api, self._dbos, self._directly]
        return [await way(callers) for way in (ways if self.bench.repeat % 2 else reversed(ways))]

    async def _api(self, callers: int) -> Run:
        courses = await self._courses(callers)
        jobs = [partial(self.bench.shop.change, course, DEARER.wish) for course in courses]
        return await run(self.bench.rig, API, "api", callers, self.bench.repeat, jobs)

    async def _directly(self, callers: int) -> Run:
        courses = await self._courses(callers)
        return replace(await self.bench.directly(courses, DEARER, callers), kind=DIRECT)

    async def _dbos(self, callers: int) -> Run:
        orders = await asyncio.to_thread(self.peer.sell, self.bench.counts[callers])
        jobs = [partial(self._change, order) for order in orders]
        await asyncio.sleep(REST_SECONDS)
        return await run(self.bench.rig, DBOS, "dbos", callers, self.bench.repeat, jobs)

    async def _change(self, order: str) -> None:
        answer = (await self.http.post("/changes", json=request(order))).json()
        if answer.get("state") != "done":
            raise AssertionError(f"{order}: {answer}")

    async def _courses(self, callers: int) -> Sequence[Course]:
        """Sell our orders one line each, to be changed."""
        courses = await self.bench.courses(callers)
        await self.bench.prepare(courses, ADD.wish)
        await some_at_once(self.bench.shop.change(course, ADD.wish) for course in courses)
        await self.bench.prepare(courses, DEARER.wish)
        return courses
