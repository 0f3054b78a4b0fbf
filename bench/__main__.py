"""`make bench`: what a change costs beside bare workflows and DBOS on fresh, tuned servers; the goals G1 to G15.

Wall times of a shared machine say little: ratios within one repeat and CPU per change say more.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.changes.bench import measure as measure_changes
from bench.changes.goals import Runs, goals
from bench.growth.__main__ import show as show_growth
from bench.growth.measure import GOALS, Options
from bench.growth.measure import measure as measure_growth
from bench.peers.__main__ import show as show_peers
from bench.peers.measure import measure as measure_peers
from bench.report import as_json, print_goals, print_runs, write
from bench.stock import dispatch_goal, stock_pace

PARTS = ("changes", "growth", "peers")

Database = Annotated[str, typer.Option(help="postgres or sqlite; peers are measured on postgres")]
Repeats = Annotated[int, typer.Option(min=1, help="how often everything is measured, each time on a fresh rig")]
Only = Annotated[str, typer.Option(help="which parts, such as changes,peers")]
Orders = Annotated[int, typer.Option(min=1, help="orders in the large store")]
Drafts = Annotated[int, typer.Option(min=1, help="drafts that are opened for memory")]
Out = Annotated[Path | None, typer.Option(help="where to write all figures as JSON")]


def main(
    database: Database = "postgres",
    repeats: Repeats = 5,
    only: Only = "changes,growth,peers",
    orders: Orders = 1_000_000,
    drafts: Drafts = 1_000,
    out: Out = None,
) -> None:
    """Measure, and print the figures and the goals."""
    console, parts = Console(), only.split(",")
    if unknown := set(parts) - set(PARTS):
        raise typer.BadParameter(f"{', '.join(unknown)} is none of {', '.join(PARTS)}")
    found: dict[str, Any] = {"database": database}
    if "changes" in parts:
        found |= _changes(console, database, repeats)
    if "growth" in parts:
        growth = measure_growth(database, Options(list(GOALS), orders=orders, drafts=drafts, repeats=repeats))
        show_growth(growth)
        found["growth"] = growth.as_json()
    if "peers" in parts:
        peers = measure_peers(repeats)
        show_peers(peers, console)
        found["peers"] = peers.as_json()
    if out:
        write(out, found)


def _changes(console: Console, database: str, repeats: int) -> dict[str, Any]:
    measured = measure_changes(database, repeats, told=console.print)
    with TemporaryDirectory(prefix="changeover-bench-") as folder:
        stock = asyncio.run(stock_pace(Path(folder)))
    said = [*goals(Runs(measured.runs), measured.histories), dispatch_goal(stock)]
    print_runs(console, measured.runs)
    print_goals(console, said)
    return as_json(measured, said)


if __name__ == "__main__":
    typer.run(main)
