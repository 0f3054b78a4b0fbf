"""All repeats, each on a rig of its own."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.changes.footprints import Footprint, Footprints
from bench.changes.pairs import measure_in_pairs
from bench.changes.runs import COUNTS, open_bench
from bench.load import Run
from bench.rig import Rig, rig

_PAIRS = 3
"""Pairs for each change that one caller asks for."""


@dataclass(frozen=True)
class Measured:
    """What changes and bare workflows cost."""

    runs: tuple[Run, ...]
    footprints: tuple[dict[str, Footprint], ...]
    """Of each repeat."""
    pairs: tuple[float, ...]
    """Of each repeat: the time through the API over that asked for directly, in pairs."""


def measure(
    database: str, repeats: int, counts: Mapping[int, int] = COUNTS, report_progress: Callable[[str], None] = lambda _: None
) -> Measured:
    """Measure everything so many times, each on a fresh rig, and check its books at the end.

    Raises AssertionError when a change does not end as it should, or the books are wrong.
    """
    runs: list[Run] = []
    footprints: list[dict[str, Footprint]] = []
    pairs: list[float] = []
    for repeat in range(1, repeats + 1):
        report_progress(f"repeat {repeat} of {repeats}")
        with rig(database) as made:
            found, left, ratio = asyncio.run(_once(made, repeat, counts))
            made.check()
        runs += found
        footprints.append(left)
        pairs.append(ratio)
    return Measured(tuple(runs), tuple(footprints), tuple(pairs))


async def _once(rig: Rig, repeat: int, counts: Mapping[int, int]) -> tuple[list[Run], dict[str, Footprint], float]:
    async with open_bench(rig, repeat, counts) as bench:
        found = await bench.all()
        ratio = await measure_in_pairs(bench, _PAIRS * counts[1])
        return found, await Footprints(rig, bench.workload, bench.client).all(), ratio
