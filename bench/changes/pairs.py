"""A dearer change through the API and one asked for directly, in pairs: whatever drifts hits both alike."""

import statistics
import time
from collections.abc import Sequence
from functools import partial

from bench.changes.kinds import ADD, DEARER
from bench.changes.runs import Bench
from bench.load import Job, run_concurrently
from bench.workload import BenchOrder


async def measure_in_pairs(bench: Bench, pairs: int) -> float:
    """Return the median time of a change through the API over that of one asked for directly, one after the other."""
    through, apart = await _ready(bench, pairs), await _ready(bench, pairs)
    asked = [bench.direct.store_request(course, DEARER.spec) for course in apart]
    api, direct = list[float](), list[float]()
    for number, (course, request) in enumerate(zip(through, asked, strict=True)):
        by_api, directly = partial(bench.workload.change, course, DEARER.spec), partial(bench.direct.change, request)
        each = [(api, by_api), (direct, directly)]
        for times, job in reversed(each) if number % 2 else each:
            times.append(await _timed(job))
    for course, request in zip(apart, asked, strict=True):
        bench.direct.check(course, request, DEARER.spec)
    warm = pairs // 10
    return statistics.median(api[warm:]) / statistics.median(direct[warm:])


async def _ready(bench: Bench, pairs: int) -> Sequence[BenchOrder]:
    courses = await run_concurrently(bench.workload.create_order(number) for number in range(pairs))
    await bench.prepare(courses, ADD.spec)
    await run_concurrently(bench.workload.change(course, ADD.spec) for course in courses)
    await bench.prepare(courses, DEARER.spec)
    return courses


async def _timed(job: Job) -> float:
    began = time.perf_counter()
    await job()
    return time.perf_counter() - began
