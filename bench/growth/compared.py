"""Compares one kind of change at two sizes, measured in alternation."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.figures import Figure, ratios
from bench.load import Run


@dataclass(frozen=True)
class Compared:
    """One kind of change at two sizes: wall time and CPU."""

    change: str
    p50: Figure
    cpu: Figure
    p50_ms: tuple[float, float]
    """Median over the repeats: the larger, the smaller."""
    cpu_ms: tuple[float, float]
    cpu_ms_by_process: Mapping[str, tuple[float, float]]


def compared(change: str, large: Sequence[Run], small: Sequence[Run]) -> Compared:
    """Compare the runs of both sizes, repeat by repeat."""
    times = [[each.p50_ms for each in runs] for runs in (large, small)]
    used = [[each.cpu for each in runs] for runs in (large, small)]
    return Compared(
        change=change,
        p50=ratios(times[0], times[1]),
        cpu=ratios(used[0], used[1]),
        p50_ms=(statistics.median(times[0]), statistics.median(times[1])),
        cpu_ms=(statistics.median(used[0]), statistics.median(used[1])),
        cpu_ms_by_process={name: (_median_of(large, name), _median_of(small, name)) for name in large[0].used},
    )


def _median_of(runs: Sequence[Run], process: str) -> float:
    return statistics.median(each.used[process] for each in runs)
