"""`python -m bench.peers`: our changes beside the same saga on DBOS."""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.load import Run
from bench.peers.asking import API, DBOS, DIRECT
from bench.peers.measure import measure
from bench.peers.result import GOAL, RESTATE, PeersResult, used


def show(result: PeersResult, console: Console) -> None:
    """Print the tables."""
    proof = result.proof
    console.print(f"proved in {proof.seconds:.0f} s: {proof.changes} changes, {proof.killed} killed in the middle")
    console.print(_costs(result))
    console.print(_by_process(result))
    ratios = Table("", "callers", "figure", "by DBOS", "lowest", "highest", title="ours by DBOS, median of repeats")
    for each in result.ratios():
        figures = (f"{value:.2f}" for value in (each.median, each.lowest, each.highest))
        ratios.add_row(each.ours, str(each.callers), each.figure, *figures)
    console.print(ratios)
    console.print(f"G14: {result.throughput:.2f}, promised >= {GOAL}: {'met' if result.met else 'not met'}. {RESTATE}")


def _costs(result: PeersResult) -> Table:
    table = Table("change", "callers", "p50 ms", "p99 ms", "a second", "CPU ms", title="one dearer change, medians")
    for kind, callers in _kinds(result):
        figures: tuple[Callable[[Run], float], ...] = (lambda run: run.p50_ms, lambda run: run.p99_ms)
        times = (f"{result.median(kind, callers, of):.0f}" for of in figures)
        a_second = f"{result.median(kind, callers, lambda run: run.per_second):.1f}"
        table.add_row(kind, str(callers), *times, a_second, f"{result.median(kind, callers, used):.0f}")
    return table


def _by_process(result: PeersResult) -> Table:
    names = list(result.cpu(API, result.runs[0].callers))
    table = Table("change", "callers", *names, title="ms of CPU for one, by process (idle ones are not in the sum)")
    for kind, callers in _kinds(result):
        spent = result.cpu(kind, callers)
        table.add_row(kind, str(callers), *(f"{spent[name]:.1f}" for name in names))
    return table


def _kinds(result: PeersResult) -> Iterator[tuple[str, int]]:
    for callers in sorted({run.callers for run in result.runs}):
        for kind in (API, DIRECT, DBOS):
            yield kind, callers


def main() -> None:
    """Measure and print; write it as JSON too when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    result = measure(asked.repeats)
    show(result, Console())
    if asked.json:
        asked.json.write_text(json.dumps(result.as_json(), indent=2))


if __name__ == "__main__":
    main()
