"""`python -m bench.simulation`: what is full first, what doubling gives, and what one order can bear."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.simulation import study
from bench.simulation.inputs import MEASURED, RESOURCES, Inputs
from bench.simulation.model import Outcome

_WIDTH = 130
"""Of what goes to a file."""


def tables(inputs: Inputs, changes: int, base: float | None) -> Iterator[Table]:
    """Answer every question with a table."""
    yield _loads(inputs, changes)
    yield _needs(inputs, changes, base)
    yield _doubled(inputs, changes)
    yield _hot(inputs, changes)


def _loads(inputs: Inputs, changes: int) -> Table:
    title = f"as it is: the busiest is {inputs.busiest()}, full at {inputs.capacity():.2f} changes a second"
    table = Table("a second", "done", *RESOURCES, "p50 wait s", "p99 wait s", "NO_TURN", title=title)
    for outcome in study.loads(inputs, changes):
        table.add_row(*_outcome(outcome))
    return table


def _needs(inputs: Inputs, changes: int, base: float | None) -> Table:
    title = f"many times the load: what is full, and what leaves each {study.ROOM:.0%} full at most"
    table = Table("times", "a second", "full as it is", *RESOURCES, "p99 wait s then", title=title)
    for need in study.needs(inputs, changes, base):
        full = ", ".join(f"{name} {need.load[name]:.0%}" for name in need.full) or "nothing"
        servers = (str(need.servers[name]) for name in RESOURCES)
        table.add_row(f"{need.times}x", f"{need.rate:.1f}", full, *servers, f"{need.then.p99_wait:.2f}")
    return table


def _doubled(inputs: Inputs, changes: int) -> Table:
    table = Table(
        "twice as much", f"a second, {study.CROWD} callers", "by as it is", "p99 wait s at 0.9", "then busiest"
    )
    first = 0.0
    for each in study.doubled(inputs, changes):
        first = first or each.throughput
        gain = f"{each.throughput / first:.2f}"
        table.add_row(
            each.resource or "(as it is)", f"{each.throughput:.2f}", gain, f"{each.p99_wait:.2f}", each.busiest
        )
    return table


def _hot(inputs: Inputs, changes: int) -> Table:
    title = "one order that everybody wants, everything else idle"
    table = Table("of what it can bear", "a second", "done", "p50 wait s", "p99 wait s", "NO_TURN", title=title)
    for share, outcome in study.hot(inputs, changes):
        row = _outcome(outcome)
        table.add_row(f"{share:.0%}", *row[:2], *row[-3:])
    return table


def _outcome(outcome: Outcome) -> list[str]:
    used = (f"{outcome.used[name]:.0%}" for name in RESOURCES)
    waits = (f"{outcome.p50_wait:.2f}", f"{outcome.p99_wait:.2f}")
    return [f"{outcome.rate:.2f}", f"{outcome.throughput:.2f}", *used, *waits, f"{outcome.refused:.1%}"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=Path, default=MEASURED, help="service times and servers as JSON")
    parser.add_argument("--base", type=float, help="changes a second that are once the load")
    parser.add_argument("--changes", type=int, default=10_000, help="how many arrive in each simulation")
    asked = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    for table in tables(Inputs.read(asked.inputs), asked.changes, asked.base):
        console.print(table)


if __name__ == "__main__":
    main()
