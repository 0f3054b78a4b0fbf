"""Many callers at once, each asking for the next thing as soon as it has its answer."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.processes import since
from bench.rig import Rig

Job = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Run:
    """What one kind of thing cost in one run. CPU and actions are for one of it."""

    kind: str
    via: str
    """`api`, `direct` or `bare`."""
    callers: int
    repeat: int
    count: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    per_second: float
    cpu_ms: Mapping[str, float]
    """By process."""
    actions: float

    @property
    def cpu(self) -> float:
        """Milliseconds of CPU in all processes together."""
        return sum(self.cpu_ms.values())

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


async def run(rig: Rig, kind: str, via: str, callers: int, repeat: int, jobs: Sequence[Job]) -> Run:
    """Do all jobs, so many at once, and say what one cost. The first tenth is to warm up and is not counted."""
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


def _percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]
