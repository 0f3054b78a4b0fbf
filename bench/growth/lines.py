"""G9 and G8: a change of one line, in an order of few lines and of many."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.changes.kinds import DEARER, FLEXIBLE, INTO_DRAFT, LATER, STANDARD
from bench.growth.compared import Compared, compared
from bench.growth.driver import Asking, asking
from bench.growth.invariant_check import Books, check
from bench.growth.trains import run_trains
from bench.histories import History
from bench.load import Run, some_at_once
from bench.rig import Rig, rig
from bench.workload import OK, Course, Wish

IN_ONE_GO = "in one go"
SIZES = (1, 10, 50, 200)
MOST_ORDERS = 50
"""Of one size: each has a long train for itself, and those of the other sizes."""
_WISHES = {INTO_DRAFT: Wish(FLEXIBLE, LATER), IN_ONE_GO: DEARER.wish}
_LONG = Wish(STANDARD, "long", adds=True, token=OK)
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
    books: Books


def measure(database: str, repeats: int = 5, batch: int = 6, sizes: Sequence[int] = SIZES) -> Lines:
    """Change one line in fresh orders of every size by turns; the first size is what others are compared with."""
    if repeats * batch > MOST_ORDERS:
        raise ValueError(f"at most {MOST_ORDERS} orders of one size")
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
    async with asking(started) as at:
        for repeat in range(repeats):
            numbers = range(repeat * batch, (repeat + 1) * batch)
            orders = {size: await _sold(at, size, numbers) for size in sizes}
            turns = sizes if repeat % 2 else tuple(reversed(sizes))
            for change in _WISHES:
                for size in turns:
                    found[change, size].append(await _changed(at, change, orders[size], repeat))
                    histories[change][size] = await at.history(orders[size][-1].order)
                if change == INTO_DRAFT:
                    await some_at_once(at.shop.discard(course) for size in sizes for course in orders[size])
    return found, histories


async def _sold(at: Asking, lines: int, numbers: Iterable[int]) -> list[Course]:
    courses = [await at.shop.course(number) for number in numbers]
    await some_at_once(_sell(at, course, lines) for course in courses)
    return courses


async def _sell(at: Asking, course: Course, lines: int) -> None:
    await at.shop.prepare(course, _LONG)
    (adding,) = course.bodies[_LONG]["operations"]
    counts = [min(_MOST_AT_ONCE, lines - begun) for begun in range(0, lines, _MOST_AT_ONCE)]
    course.bodies[_LONG]["operations"] = [adding | {"count": count} for count in counts]
    await at.shop.change(course, _LONG)
    if len(course.lines) != lines:
        raise AssertionError(f"{len(course.lines)} of {lines} lines were sold")


async def _changed(at: Asking, change: str, courses: Sequence[Course], repeat: int) -> Run:
    for course in courses:
        course.lines = [f"{course.order}-1"]
    return await at.changed(change, _WISHES[change], courses, repeat)
