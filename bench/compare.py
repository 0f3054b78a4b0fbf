"""`make bench-compare OLD=... NEW=...`: which changes cost more or less in one bench than in another.

Each figure is first divided by that of bare workflows in its own bench, because two benches ran on two machines, or on
one machine on two days.
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
"""Smaller relative differences may come from the machine."""


def read(path: Path) -> list[Run]:
    """Return the runs that a bench has written to a file."""
    return [Run(**each) for each in json.loads(path.read_text())["runs"]]


def relative(runs: Sequence[Run]) -> dict[RunKey, tuple[float, float]]:
    """Return CPU and p50 of each kind of run, as multiples of those of a bare workflow with as many callers."""
    groups = group_runs(runs)
    floors = {callers: _figures(repeats) for (kind, _, callers), repeats in groups.items() if kind == _FLOOR}
    return {
        key: (cpu / floors[key[2]][0], p50 / floors[key[2]][1])
        for key, (cpu, p50) in ((key, _figures(repeats)) for key, repeats in groups.items())
        if key[2] in floors
    }


def _figures(runs: Sequence[Run]) -> tuple[float, float]:
    return statistics.median(run.cpu for run in runs), statistics.median(run.p50_ms for run in runs)


def table(old: Sequence[Run], new: Sequence[Run]) -> Table:
    """Return a table of the kinds of runs that both benches have, side by side."""
    compared = Table("what", "by", "callers", "CPU / B5", "now", "p50 / B5", "now", "")
    before, after = relative(old), relative(new)
    for key in sorted(before.keys() & after.keys(), key=lambda each: (each[2], each[1], each[0])):
        (cpu, p50), (cpu_now, p50_now) = before[key], after[key]
        kind, via, callers = key
        figures = [f"{each:.2f}" for each in (cpu, cpu_now, p50, p50_now)]
        compared.add_row(kind, via, str(callers), *figures, _verdict(cpu_now / cpu))
    return compared


def _verdict(change: float) -> str:
    if abs(change - 1) <= _NOISE:
        return "same"
    return f"[red]{change - 1:+.0%} CPU" if change > 1 else f"[green]{change - 1:+.0%} CPU"


if __name__ == "__main__":
    OLD, NEW = (read(Path(name)) for name in sys.argv[1:3])
    Console().print(table(OLD, NEW))
