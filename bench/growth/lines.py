"""G9 and G8: a change of one line, in an order of few lines and of many."""

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
"""Of one size: each has a long train for itself, and those of the other sizes."""
_WISHES = {INTO_DRAFT: ChangeSpec(FLEXIBLE, LATE_TRAIN), IN_ONE_GO: DEARER.spec}
_LONG = ChangeSpec(STANDARD, "long", adds=True, token=OK)
_MOST_AT_ONCE = 50
_PER_COACH = 20

Found = dict[tuple[str, int], list[Run]]


@dataclass(frozen=True)
class Lines:
    """What a change cost in orders of more lines, beside orders of one."""

    compared: Mapping[int, Sequence[Compared]]
    """By lines."""
    histories: Mapping[str, Mapping[int, History]]
    """By change, then by lines."""
    books: InvariantsChecked


def measure(database: str, repeats: int = 5, batch: int = 6, sizes: Sequence[int] = SIZES) -> Lines:
    """Change one line in fresh orders of every size by turns; the first size is what others are compared with."""
    if repeats * batch > MAX_ORDERS:
        raise ValueError(f"at most {MAX_ORDERS} orders of one size")
    with rig(database) as started:
        run_trains(started.stack.database, ("long",), coaches=-(-sum(sizes) // _PER_COACH), seats=_PER_COACH)
        found, histories = asyncio.run(_measure(started, repeats, batch, sizes))
        books = check(started.stack.database)
    beside = {
        size: [compared(change, found[change, size], found[change, sizes[0]]) for change in _WISHES]
        for size in sizes[1:]
    }
    return Lines(beside, histories, books)


async def _measure(
    started: Rig, repeats: int, batch: int, sizes: Sequence[int]
) -> tuple[Found, Mapping[str, Mapping[int, History]]]:
    found: Found = defaultdict(list)
    histories: dict[str, dict[int, History]] = {change: {} for change in _WISHES}
    async with connect(started) as at:
        for repeat in range(repeats):
            numbers = range(repeat * batch, (repeat + 1) * batch)
            orders = {size: await _sold(at, size, numbers) for size in sizes}
            turns = sizes if repeat % 2 else tuple(reversed(sizes))
            for change in _WISHES:
                for size in turns:
                    found[change, size].append(await _changed(at, change, orders[size], repeat))
                    histories[change][size] = await at.history(orders[size][-1].order)
                if change == INTO_DRAFT:
                    await run_concurrently(at.workload.discard(course) for size in sizes for course in orders[size])
    return found, histories


async def _sold(at: GrowthDriver, lines: int, numbers: Iterable[int]) -> list[BenchOrder]:
    courses = [await at.workload.create_order(number) for number in numbers]
    await run_concurrently(_sell(at, course, lines) for course in courses)
    return courses


async def _sell(at: GrowthDriver, course: BenchOrder, lines: int) -> None:
    await at.workload.prepare(course, _LONG)
    (adding,) = course.bodies[_LONG]["operations"]
    counts = [min(_MOST_AT_ONCE, lines - begun) for begun in range(0, lines, _MOST_AT_ONCE)]
    course.bodies[_LONG]["operations"] = [adding | {"count": count} for count in counts]
    await at.workload.change(course, _LONG)
    if len(course.lines) != lines:
        raise AssertionError(f"{len(course.lines)} of {lines} lines were sold")


async def _changed(at: GrowthDriver, change: str, courses: Sequence[BenchOrder], repeat: int) -> Run:
    for course in courses:
        course.lines = [f"{course.order}-1"]
    return await at.measure_change(change, _WISHES[change], courses, repeat)
