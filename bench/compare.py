"""`make bench-compare OLD=... NEW=...`: what became cheaper, and what dearer, between two benches.

Each figure is first divided by that of bare workflows in its own bench, for two benches have seen two machines,
or one machine on two days.
"""

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.load import Run
from bench.report import RunKey, group_runs

_FLOOR = "B5"
_NOISE = 0.10
"""What differs by less than this may be the machine itself."""


def read(path: Path) -> list[Run]:
    """Return the runs that a bench has written down."""
    return [Run(**each) for each in json.loads(path.read_text())["runs"]]


def relative(runs: Sequence[Run]) -> dict[RunKey, tuple[float, float]]:
    """Return CPU and p50 of each, as multiples of a bare workflow's with as many callers."""
    ways = group_runs(runs)
    floors = {callers: _figures(mine) for (kind, _, callers), mine in ways.items() if kind == _FLOOR}
    return {
        way: (cpu / floors[way[2]][0], p50 / floors[way[2]][1])
        for way, (cpu, p50) in ((way, _figures(mine)) for way, mine in ways.items())
        if way[2] in floors
    }


def _figures(runs: Sequence[Run]) -> tuple[float, float]:
    return statistics.median(run.cpu for run in runs), statistics.median(run.p50_ms for run in runs)


def table(old: Sequence[Run], new: Sequence[Run]) -> Table:
    """Return both side by side, as far as both have it."""
    made = Table("what", "by", "callers", "CPU / B5", "now", "p50 / B5", "now", "")
    before, after = relative(old), relative(new)
    for way in sorted(before.keys() & after.keys(), key=lambda each: (each[2], each[1], each[0])):
        (cpu, p50), (cpu_now, p50_now) = before[way], after[way]
        kind, via, callers = way
        figures = [f"{each:.2f}" for each in (cpu, cpu_now, p50, p50_now)]
        made.add_row(kind, via, str(callers), *figures, _said(cpu_now / cpu))
    return made


def _said(change: float) -> str:
    if abs(change - 1) <= _NOISE:
        return "alike"
    return f"[red]{change - 1:+.0%} CPU" if change > 1 else f"[green]{change - 1:+.0%} CPU"


if __name__ == "__main__":
    OLD, NEW = (read(Path(name)) for name in sys.argv[1:3])
    Console().print(table(OLD, NEW))
