"""Prints measurements and writes them as JSON."""

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
"""Kind of job, how it was submitted, and the number of callers."""


def key_of(run: Run) -> RunKey:
    """Return the key that all repeats of a run share."""
    return run.kind, run.via, run.callers


def group_runs(runs: Iterable[Run]) -> dict[RunKey, list[Run]]:
    """Return the repeats by key."""
    return {key: list(repeats) for key, repeats in groupby(sorted(runs, key=key_of), key=key_of)}


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    """Print the medians of all repeats."""
    table = Table(
        *("what", "by", "callers", "p50 ms", "p99 ms", "a second", "CPU ms", "of it", "actions"),
        title="Medians; CPU and billed actions are for one",
    )
    for (kind, via, callers), repeats in sorted(group_runs(runs).items(), key=lambda item: item[0][::-1]):
        parts = {name: _median(run.used[name] for run in repeats) for name in repeats[0].used}
        of_it = ", ".join(f"{name} {used:.1f}" for name, used in parts.items() if used >= 0.05)  # noqa: PLR2004 - prints as 0.1
        if any(run.bank_cpu for run in repeats):
            of_it += f"; not counted: bank {_median(run.bank_cpu for run in repeats):.1f}"
        figures = (_median(run.p50_ms for run in repeats), _median(run.p99_ms for run in repeats))
        more = (_median(run.per_second for run in repeats), _median(run.cpu for run in repeats))
        numbers = [f"{each:.1f}" for each in (*figures, *more)]
        table.add_row(kind, via, str(callers), *numbers, of_it, f"{_median(run.actions for run in repeats):.1f}")
    console.print(table)


def print_goals(console: Console, goals: Sequence[Goal]) -> None:
    """Print each goal, the measured figure, and whether it is met."""
    table = Table("goal", "what", "measured (from, to)", "target", "", title="Goals")
    for goal in goals:
        met = "[green]met" if goal.met else "[red]not met"
        table.add_row(goal.name, goal.what, str(goal.measured), goal.target, met)
    console.print(table)


def as_json(measured: Measured) -> dict[str, Any]:
    """Return the measurements of changes as JSON."""
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "runs": [run.as_json() for run in measured.runs],
        "footprints": [{name: asdict(each) for name, each in repeat.items()} for repeat in measured.footprints],
        "pairs": measured.pairs,
    }


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a document to a file as JSON."""
    path.write_text(json.dumps(document, indent=2))


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)
