"""Load from concurrent callers, each of which starts its next job as soon as its last one has ended."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from bench.processes import since
from bench.rig import Rig

Job = Callable[[], Awaitable[None]]
T = TypeVar("T")

_PREPARING = 8
BANK, PEERS_BANK = "bank", "bank of DBOS"
_BANKS = frozenset({BANK, PEERS_BANK})
_NOT_COUNTED: Mapping[str, frozenset[str]] = {
    "api": _BANKS | {"client", "bare", "dbos"},
    "direct": _BANKS | {"client", "bare", "dbos", "api"},
    "bare": _BANKS | {"client", "worker", "api", "database"},
    "dbos": _BANKS | {"client", "bare", "temporal", "worker", "api"},
}
"""Processes whose CPU does not count as a cost of a run: the callers, banks, and processes that are idle during it."""


@dataclass(frozen=True)
class Run:
    """What one kind of job cost in one run. CPU and actions are per job."""

    kind: str
    via: str
    """How it was submitted: `api`, `direct`, `bare` or `dbos`."""
    callers: int
    repeat: int
    count: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    per_second: float
    cpu_ms: Mapping[str, float]
    """CPU by process."""
    actions: float
    """Actions that Temporal would bill."""

    @property
    def used(self) -> Mapping[str, float]:
        """Milliseconds of CPU by process, of the processes that are counted."""
        return {name: used for name, used in self.cpu_ms.items() if name not in _NOT_COUNTED[self.via]}

    @property
    def bank_cpu(self) -> float:
        """Milliseconds of CPU of the external bank; it does not count as a cost."""
        return sum(used for name, used in self.cpu_ms.items() if name in _BANKS)

    @property
    def cpu(self) -> float:
        """Milliseconds of CPU of these processes together."""
        return sum(self.used.values())

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


async def run(rig: Rig, kind: str, via: str, callers: int, repeat: int, jobs: Sequence[Job]) -> Run:
    """Run all jobs with this many callers and return what one cost. The first tenth warms up and is not counted."""
    warm, counted = jobs[: len(jobs) // 10], jobs[len(jobs) // 10 :]
    await _all(warm, callers)
    processes, before_actions = rig.processes, rig.actions()
    before, began = processes.cpu_seconds(), time.perf_counter()
    times = await _all(counted, callers)
    took, used = time.perf_counter() - began, since(before, processes.cpu_seconds())
    return Run(
        kind=kind,
        via=via,
        callers=callers,
        repeat=repeat,
        count=len(counted),
        p50_ms=statistics.median(times) * 1000,
        p99_ms=_percentile(times, 0.99) * 1000,
        worst_ms=max(times) * 1000,
        per_second=len(counted) / took,
        cpu_ms={name: 1000 * seconds / len(counted) for name, seconds in used.items()},
        actions=(rig.actions() - before_actions) / len(counted),
    )


async def _all(jobs: Sequence[Job], callers: int) -> list[float]:
    waiting, times = iter(jobs), list[float]()

    async def caller() -> None:
        for job in waiting:
            began = time.perf_counter()
            await job()
            times.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    return times


async def run_concurrently(acts: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Await all coroutines, eight at a time: for preparations that are not measured."""
    slots = asyncio.Semaphore(_PREPARING)

    async def one(act: Coroutine[None, None, T]) -> T:
        async with slots:
            return await act

    return await asyncio.gather(*(one(act) for act in acts))


def _percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]
