"""G10: changes in a store with a million orders, compared with one with a thousand."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.changes.kinds import ADD, DEARER, EARLY_TRAIN, INTO_DRAFT, STANDARD
from bench.growth.compared import Compared, compared
from bench.growth.driver import GrowthDriver, connect
from bench.growth.filling import fill
from bench.growth.invariant_check import InvariantsChecked, check
from bench.growth.template import template
from bench.load import Run
from bench.rig import Rig, rig
from bench.workload import ChangeSpec
from store.database.store import Store

FEW, MANY = 1_000, 1_000_000
_SPECS = {ADD.name: ADD.spec, DEARER.name: DEARER.spec, INTO_DRAFT: ChangeSpec(STANDARD, EARLY_TRAIN)}


@dataclass(frozen=True)
class Filled:
    """What a store was filled with before the measurement."""

    rows: Mapping[str, int]
    """Rows by table."""
    seconds: float
    invariants: InvariantsChecked
    """The check after the measurement."""


@dataclass(frozen=True)
class Stores:
    """What changes cost with many orders in the store, compared with few."""

    compared: Sequence[Compared]
    many: Filled
    few: Filled


def measure(database: str, orders: int = MANY, few: int = FEW, repeats: int = 5, batch: int = 10) -> Stores:
    """Sell and change orders in two stores in alternation."""
    with rig(database) as large, rig(database) as small:
        rows, seconds = _filled(large, orders)
        few_rows, few_seconds = _filled(small, few)
        runs = asyncio.run(_measure((large, small), repeats, batch))
        invariants, few_invariants = check(large.stack.database), check(small.stack.database)
    return Stores(
        compared=[compared(change, runs[change, 0], runs[change, 1]) for change in _SPECS],
        many=Filled(rows, seconds, invariants),
        few=Filled(few_rows, few_seconds, few_invariants),
    )


def _filled(started: Rig, orders: int) -> tuple[Mapping[str, int], float]:
    number = asyncio.run(_sale(started))
    store = Store(started.stack.database)
    with store.read() as tx:
        source = template(tx, number)
    store.close()
    began = time.monotonic()
    rows = fill(started.stack.database, source, orders)
    return rows, time.monotonic() - began


async def _sale(started: Rig) -> str:
    async with connect(started) as driver:
        return (await driver.create_order(0, ADD.spec)).order


async def _measure(rigs: Sequence[Rig], repeats: int, batch: int) -> dict[tuple[str, int], list[Run]]:
    runs: dict[tuple[str, int], list[Run]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(connect(each)) for each in rigs]
        await _repeat(both, -1, batch, defaultdict(list))  # warms up processes and caches
        for repeat in range(repeats):
            await _repeat(both, repeat, batch, runs)
    return runs


async def _repeat(
    both: Sequence[GrowthDriver], repeat: int, batch: int, runs: dict[tuple[str, int], list[Run]]
) -> None:
    drivers = list(enumerate(both))
    bench_orders = {
        which: [await driver.workload.create_order(number) for number in range(batch)] for which, driver in drivers
    }
    for change, spec in _SPECS.items():
        for which, driver in drivers if repeat % 2 else reversed(drivers):
            runs[change, which].append(await driver.measure_change(change, spec, bench_orders[which], repeat))
