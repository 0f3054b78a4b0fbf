"""Prints our changes beside the same saga on DBOS."""

from rich.console import Console
from rich.table import Table

from bench.peers.result import RESTATE, PeersResult
from bench.report import print_runs


def show(result: PeersResult, console: Console) -> None:
    """Print the tables."""
    proof = result.proof
    console.print(f"proved in {proof.seconds:.0f} s: {proof.changes} changes, {proof.killed} killed in the middle")
    print_runs(console, result.runs)
    ratios = Table("", "callers", "figure", "by DBOS (from, to)", title="ours by DBOS, within each repeat")
    for each in result.ratios():
        ratios.add_row(each.ours, str(each.callers), each.figure, str(each.by_dbos))
    console.print(ratios)
    console.print(RESTATE)
