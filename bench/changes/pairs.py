"""A dearer change through the API and one submitted directly, in pairs: any drift of the machine affects both."""

import statistics
import time
from collections.abc import Sequence
from functools import partial

from bench.changes.kinds import ADD, DEARER
from bench.changes.runs import Bench
from bench.load import Job, run_concurrently
from bench.workload import BenchOrder


async def measure_in_pairs(bench: Bench, pairs: int) -> float:
    """Return the median time of a change through the API over that of one submitted directly, in alternation."""
    by_api, by_direct = await _prepare_orders(bench, pairs), await _prepare_orders(bench, pairs)
    requests = [bench.direct.store_request(bench_order, DEARER.spec) for bench_order in by_direct]
    api, direct = list[float](), list[float]()
    for number, (bench_order, request) in enumerate(zip(by_api, requests, strict=True)):
        through_api = partial(bench.workload.change, bench_order, DEARER.spec)
        each = [(api, through_api), (direct, partial(bench.direct.change, request))]
        for times, job in reversed(each) if number % 2 else each:
            times.append(await _timed(job))
    for bench_order, request in zip(by_direct, requests, strict=True):
        bench.direct.check(bench_order, request, DEARER.spec)
    warm = pairs // 10
    return statistics.median(api[warm:]) / statistics.median(direct[warm:])


async def _prepare_orders(bench: Bench, pairs: int) -> Sequence[BenchOrder]:
    bench_orders = await run_concurrently(bench.workload.create_order(number) for number in range(pairs))
    await bench.prepare(bench_orders, ADD.spec)
    await run_concurrently(bench.workload.change(bench_order, ADD.spec) for bench_order in bench_orders)
    await bench.prepare(bench_orders, DEARER.spec)
    return bench_orders


async def _timed(job: Job) -> float:
    began = time.perf_counter()
    await job()
    return time.perf_counter() - began
