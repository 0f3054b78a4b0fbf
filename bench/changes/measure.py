"""Runs all repeats, each on its own rig."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.changes.footprints import Footprint, Footprints
from bench.changes.pairs import measure_in_pairs
from bench.changes.runs import COUNTS, open_bench
from bench.load import Run
from bench.rig import Bank, Rig, rig

_PAIRS = 3
"""Pairs for each change that one caller sends."""


@dataclass(frozen=True)
class Measured:
    """The measurements of changes and bare workflows."""

    runs: tuple[Run, ...]
    footprints: tuple[dict[str, Footprint], ...]
    """One for each repeat."""
    pairs: tuple[float, ...]
    """For each repeat: the time through the API over that submitted directly, in pairs."""


def measure(
    database: str,
    repeats: int,
    counts: Mapping[int, int] = COUNTS,
    report_progress: Callable[[str], None] = lambda _: None,
    bank: Bank = Bank.EMBEDDED,
) -> Measured:
    """Measure everything this many times, each on a fresh rig, and check its invariants and books at the end.

    Raises AssertionError if a change does not end as expected, an invariant is violated or the bank's book differs.
    """
    runs: list[Run] = []
    footprints: list[dict[str, Footprint]] = []
    pairs: list[float] = []
    for repeat in range(1, repeats + 1):
        report_progress(f"repeat {repeat} of {repeats}")
        with rig(database, bank=bank) as started:
            measured, footprint, ratio = asyncio.run(_measure_once(started, repeat, counts))
            started.check()
        runs += measured
        footprints.append(footprint)
        pairs.append(ratio)
    return Measured(tuple(runs), tuple(footprints), tuple(pairs))


async def _measure_once(
    rig: Rig, repeat: int, counts: Mapping[int, int]
) -> tuple[list[Run], dict[str, Footprint], float]:
    async with open_bench(rig, repeat, counts) as bench:
        runs = await bench.all()
        ratio = await measure_in_pairs(bench, _PAIRS * counts[1])
        return runs, await Footprints(rig, bench.workload, bench.client).all(), ratio
