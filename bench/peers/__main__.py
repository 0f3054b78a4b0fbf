"""`python -m bench.peers`: our changes beside the same saga on DBOS."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.peers.asking import API, DBOS, DIRECT
from bench.peers.measure import measure
from bench.peers.result import GOAL, RESTATE, PeersResult, used


def show(result: PeersResult, console: Console) -> None:
    """Print the tables."""
    proof = result.proof
    console.print(f"proved in {proof.seconds:.0f} s: {proof.changes} changes, {proof.killed} killed in the middle")
    costs = Table(
        "change", "callers", "p50 ms", "p99 ms", "a second", "CPU ms", "by process", title="one dearer change"
    )
    for callers in sorted({run.callers for run in result.runs}):
        for kind in (API, DIRECT, DBOS):
            times = (result.median(kind, callers, of) for of in (lambda r: r.p50_ms, lambda r: r.p99_ms))
            a_second = f"{result.median(kind, callers, lambda r: r.per_second):.1f}"
            cpu = f"{result.median(kind, callers, used):.0f}"
            parts = ", ".join(f"{name} {spent:.1f}" for name, spent in result.cpu(kind, callers).items())
            costs.add_row(kind, str(callers), *(f"{time:.0f}" for time in times), a_second, cpu, parts)
    console.print(costs)
    ratios = Table("", "callers", "figure", "by DBOS", "lowest", "highest", title="ours by DBOS, median of repeats")
    for each in result.ratios():
        figures = (f"{value:.2f}" for value in (each.median, each.lowest, each.highest))
        ratios.add_row(each.ours, str(each.callers), each.figure, *figures)
    console.print(ratios)
    console.print(f"G14: {result.throughput:.2f}, promised >= {GOAL}: {'met' if result.met else 'not met'}. {RESTATE}")


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
