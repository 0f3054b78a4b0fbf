"""Prints what was measured, and writes it as JSON."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.changes.measure import Measured
from bench.figures import Goal
from bench.load import Run

RunKey = tuple[str, str, int]
"""Kind, how it was asked for, and by how many callers."""


def key_of(run: Run) -> RunKey:
    """Return what a run is a repeat of."""
    return run.kind, run.via, run.callers


def group_runs(runs: Iterable[Run]) -> dict[RunKey, list[Run]]:
    """Return the repeats of each."""
    return {way: list(mine) for way, mine in groupby(sorted(runs, key=key_of), key=key_of)}


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    """Print the medians of all repeats."""
    table = Table(
        *("what", "by", "callers", "p50 ms", "p99 ms", "a second", "CPU ms", "of it", "actions"),
        title="Medians; CPU and billed actions are for one",
    )
    for (kind, via, callers), mine in sorted(group_runs(runs).items(), key=lambda item: item[0][::-1]):
        parts = {name: _median(run.used[name] for run in mine) for name in mine[0].used}
        of_it = ", ".join(f"{name} {used:.1f}" for name, used in parts.items() if used >= 0.05)  # noqa: PLR2004 - prints as 0.1
        figures = (_median(run.p50_ms for run in mine), _median(run.p99_ms for run in mine))
        more = (_median(run.per_second for run in mine), _median(run.cpu for run in mine))
        numbers = [f"{each:.1f}" for each in (*figures, *more)]
        table.add_row(kind, via, str(callers), *numbers, of_it, f"{_median(run.actions for run in mine):.1f}")
    console.print(table)


def print_goals(console: Console, goals: Sequence[Goal]) -> None:
    """Print each goal, what was measured, and whether it is met."""
    table = Table("goal", "what", "measured (from, to)", "wanted", "", title="Goals")
    for goal in goals:
        met = "[green]met" if goal.met else "[red]not met"
        table.add_row(goal.name, goal.what, str(goal.measured), goal.target, met)
    console.print(table)


def as_json(measured: Measured) -> dict[str, Any]:
    """Return what changes cost as JSON."""
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "runs": [run.as_json() for run in measured.runs],
        "footprints": [{name: asdict(each) for name, each in repeat.items()} for repeat in measured.footprints],
        "pairs": measured.pairs,
    }


def write(path: Path, document: dict[str, Any]) -> None:
    """Write it to a file."""
    path.write_text(json.dumps(document, indent=2))


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)
