"""G10: changes in a store of a thousand orders and in one of a million."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.changes.kinds import ADD, DEARER, INTO_DRAFT, STANDARD, EARLY_TRAIN
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
_WISHES = {ADD.name: ADD.spec, DEARER.name: DEARER.spec, INTO_DRAFT: ChangeSpec(STANDARD, EARLY_TRAIN)}


@dataclass(frozen=True)
class Filled:
    """What a store was filled with before anything was measured."""

    rows: Mapping[str, int]
    """By table."""
    seconds: float
    books: InvariantsChecked
    """As they were when everything had been measured."""


@dataclass(frozen=True)
class Stores:
    """What changes cost with many orders in the store, beside few."""

    compared: Sequence[Compared]
    many: Filled
    few: Filled


def measure(database: str, orders: int = MANY, few: int = FEW, repeats: int = 5, batch: int = 10) -> Stores:
    """Sell and change orders in two stores by turns."""
    with rig(database) as large, rig(database) as small:
        rows, seconds = _filled(large, orders)
        few_rows, few_seconds = _filled(small, few)
        found = asyncio.run(_measure((large, small), repeats, batch))
        books, few_books = check(large.stack.database), check(small.stack.database)
    return Stores(
        compared=[compared(change, found[change, 0], found[change, 1]) for change in _WISHES],
        many=Filled(rows, seconds, books),
        few=Filled(few_rows, few_seconds, few_books),
    )


def _filled(started: Rig, orders: int) -> tuple[Mapping[str, int], float]:
    number = asyncio.run(_sale(started))
    store = Store(started.stack.database)
    with store.read() as tx:
        made_from = template(tx, number)
    store.close()
    began = time.monotonic()
    rows = fill(started.stack.database, made_from, orders)
    return rows, time.monotonic() - began


async def _sale(started: Rig) -> str:
    async with connect(started) as at:
        return (await at.create_order(0, ADD.spec)).order


async def _measure(rigs: Sequence[Rig], repeats: int, batch: int) -> dict[tuple[str, int], list[Run]]:
    found: dict[tuple[str, int], list[Run]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(connect(each)) for each in rigs]
        await _repeat(both, -1, batch, defaultdict(list))  # to warm up: processes and caches
        for repeat in range(repeats):
            await _repeat(both, repeat, batch, found)
    return found


async def _repeat(both: Sequence[GrowthDriver], repeat: int, batch: int, found: dict[tuple[str, int], list[Run]]) -> None:
    turns = list(enumerate(both))
    courses = {which: [await at.workload.create_order(number) for number in range(batch)] for which, at in turns}
    for change, wish in _WISHES.items():
        for which, at in turns if repeat % 2 else reversed(turns):
            found[change, which].append(await at.measure_change(change, wish, courses[which], repeat))
