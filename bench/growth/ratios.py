"""Two kinds of one thing, measured by turns: what one costs in terms of the other."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.load import Run

OURS = ("temporal", "worker", "api", "database")
"""The processes a change costs CPU in; the client that asks and the bare worker are not among them."""


def cpu_of(run: Run) -> float:
    """Return the milliseconds of CPU one change cost us."""
    return sum(used for name, used in run.cpu_ms.items() if name in OURS)


@dataclass(frozen=True)
class Ratio:
    """The median over the repeats, and how far apart they lay."""

    median: float
    least: float
    most: float
    repeats: int

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"

    def at_most(self, goal: float) -> bool:
        """Whether the median meets a goal."""
        return self.median <= goal


def ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Compare what was measured in the same repeats."""
    each = [one / other for one, other in zip(above, below, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each), len(each))


@dataclass(frozen=True)
class Compared:
    """One kind of change at two sizes: wall time and CPU."""

    change: str
    p50: Ratio
    cpu: Ratio
    p50_ms: tuple[float, float]
    """Median over the repeats: the larger, the smaller."""
    cpu_ms: tuple[float, float]
    cpu_ms_by_process: Mapping[str, tuple[float, float]]


def compared(change: str, large: Sequence[Run], small: Sequence[Run]) -> Compared:
    """Compare the runs of as many repeats of both."""
    walls = [[each.p50_ms for each in runs] for runs in (large, small)]
    used = [[cpu_of(each) for each in runs] for runs in (large, small)]
    return Compared(
        change=change,
        p50=ratio(walls[0], walls[1]),
        cpu=ratio(used[0], used[1]),
        p50_ms=(statistics.median(walls[0]), statistics.median(walls[1])),
        cpu_ms=(statistics.median(used[0]), statistics.median(used[1])),
        cpu_ms_by_process={
            name: (_median_of(large, name), _median_of(small, name)) for name in OURS if name in large[0].cpu_ms
        },
    )


def _median_of(runs: Sequence[Run], process: str) -> float:
    return statistics.median(each.cpu_ms[process] for each in runs)
