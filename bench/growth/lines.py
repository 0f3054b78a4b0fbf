"""G9 and G8: a change of one line, in orders of few and of many lines."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.changes.kinds import DEARER, FLEXIBLE, INTO_DRAFT, LATE_TRAIN, STANDARD
from bench.growth.compared import Compared, compared
from bench.growth.driver import GrowthDriver, connect
from bench.growth.invariant_check import InvariantsChecked, check
from bench.growth.trains import run_trains
from bench.histories import History
from bench.load import Run, run_concurrently
from bench.rig import Rig, rig
from bench.workload import OK, BenchOrder, ChangeSpec

IN_ONE_GO = "in one go"
SIZES = (1, 10, 50, 200)
MAX_ORDERS = 50
"""Most orders of one size: a day's long train has seats for one order of each size."""
_SPECS = {INTO_DRAFT: ChangeSpec(FLEXIBLE, LATE_TRAIN), IN_ONE_GO: DEARER.spec}
_LONG = ChangeSpec(STANDARD, "long", adds=True, token=OK)
_MOST_AT_ONCE = 50
_PER_COACH = 20

Runs = dict[tuple[str, int], list[Run]]


@dataclass(frozen=True)
class Lines:
    """What a change cost in orders of more lines, compared with orders of one line."""

    compared: Mapping[int, Sequence[Compared]]
    """By number of lines."""
    histories: Mapping[str, Mapping[int, History]]
    """By change, then by number of lines."""
    invariants: InvariantsChecked


def measure(database: str, repeats: int = 5, batch: int = 6, sizes: Sequence[int] = SIZES) -> Lines:
    """Change one line in new orders of every size in alternation; other sizes are compared with the first."""
    if repeats * batch > MAX_ORDERS:
        raise ValueError(f"at most {MAX_ORDERS} orders of one size")
    with rig(database) as started:
        run_trains(started.stack.database, ("long",), coaches=-(-sum(sizes) // _PER_COACH), seats=_PER_COACH)
        runs, histories = asyncio.run(_measure(started, repeats, batch, sizes))
        invariants = check(started.stack.database)
    beside = {
        size: [compared(change, runs[change, size], runs[change, sizes[0]]) for change in _SPECS] for size in sizes[1:]
    }
    return Lines(beside, histories, invariants)


async def _measure(
    started: Rig, repeats: int, batch: int, sizes: Sequence[int]
) -> tuple[Runs, Mapping[str, Mapping[int, History]]]:
    runs: Runs = defaultdict(list)
    histories: dict[str, dict[int, History]] = {change: {} for change in _SPECS}
    async with connect(started) as driver:
        for repeat in range(repeats):
            numbers = range(repeat * batch, (repeat + 1) * batch)
            orders = {size: await _sold(driver, size, numbers) for size in sizes}
            sizes_in_order = sizes if repeat % 2 else tuple(reversed(sizes))
            for change in _SPECS:
                for size in sizes_in_order:
                    runs[change, size].append(await _changed(driver, change, orders[size], repeat))
                    histories[change][size] = await driver.history(orders[size][-1].order)
                if change == INTO_DRAFT:
                    await run_concurrently(
                        driver.workload.discard(bench_order) for size in sizes for bench_order in orders[size]
                    )
    return runs, histories


async def _sold(driver: GrowthDriver, lines: int, numbers: Iterable[int]) -> list[BenchOrder]:
    bench_orders = [await driver.workload.create_order(number) for number in numbers]
    await run_concurrently(_sell(driver, bench_order, lines) for bench_order in bench_orders)
    return bench_orders


async def _sell(driver: GrowthDriver, bench_order: BenchOrder, lines: int) -> None:
    await driver.workload.prepare(bench_order, _LONG)
    (adding,) = bench_order.bodies[_LONG]["operations"]
    counts = [min(_MOST_AT_ONCE, lines - begun) for begun in range(0, lines, _MOST_AT_ONCE)]
    bench_order.bodies[_LONG]["operations"] = [adding | {"count": count} for count in counts]
    await driver.workload.change(bench_order, _LONG)
    if len(bench_order.lines) != lines:
        raise AssertionError(f"{len(bench_order.lines)} of {lines} lines were sold")


async def _changed(driver: GrowthDriver, change: str, bench_orders: Sequence[BenchOrder], repeat: int) -> Run:
    for bench_order in bench_orders:
        bench_order.lines = [f"{bench_order.order}-1"]
    return await driver.measure_change(change, _SPECS[change], bench_orders, repeat)
