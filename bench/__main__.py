"""`make bench`: what a change costs beside bare workflows and DBOS on fresh, tuned servers; the goals G4 to G15.

Wall times of a shared machine say little: ratios within one repeat and CPU per change say more.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.changes.goals import Runs, external_goals, goals
from bench.changes.measure import measure as measure_changes
from bench.figures import Goal
from bench.growth.measure import GOALS, Options
from bench.growth.measure import measure as measure_growth
from bench.peers.measure import measure as measure_peers
from bench.peers.measure import print_result
from bench.report import as_json, print_goals, print_runs, write
from bench.rig import Bank

PARTS = ("changes", "growth", "peers")
_WIDTH = 160
"""Columns, if the output is not a terminal."""

Database = Annotated[str, typer.Option(help="postgres or sqlite; peers are measured on postgres")]
Repeats = Annotated[int, typer.Option(min=1, help="how often everything is measured, changes each time on a fresh rig")]
Only = Annotated[str, typer.Option(help="which parts, such as changes,peers")]
Growth = Annotated[str, typer.Option(help="which goals of growth, such as G9,G12")]
Orders = Annotated[int, typer.Option(min=1, help="orders in the large store")]
Drafts = Annotated[int, typer.Option(min=1, help="drafts that are opened for memory")]
Payments = Annotated[Bank, typer.Option(help="where payments are, with --only changes,peers or one of them")]
Out = Annotated[Path | None, typer.Option(help="where to write all figures as JSON")]
Part = tuple[dict[str, Any], list[Goal]]


def main(
    database: Database = "postgres",
    repeats: Repeats = 5,
    only: Only = "changes,growth,peers",
    growth: Growth = "G9,G10,G11,G12",
    orders: Orders = 1_000_000,
    drafts: Drafts = 1_000,
    bank: Payments = Bank.EMBEDDED,
    out: Out = None,
) -> None:
    """Measure; print the figures and the goals."""
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    growth_goals, parts = _known(growth, GOALS), _known(only, PARTS)
    if bank is Bank.EXTERNAL and "growth" in parts:
        raise typer.BadParameter("growth is measured with the embedded bank only: add --only changes,peers")
    document: dict[str, Any] = {"database": database, "bank": bank}
    goals_measured: list[Goal] = []
    options = Options(growth_goals, orders=orders, drafts=drafts, repeats=repeats)
    measurements = {
        "changes": lambda: _changes(console, database, repeats, bank),
        "growth": lambda: _growth(console, database, options),
        "peers": lambda: _peers(console, repeats, bank),
    }
    for part in parts:
        figures, goals_of_part = measurements[part]()
        document |= figures
        goals_measured += goals_of_part
    print_goals(console, goals_measured)
    if out:
        write(out, document | {"goals": [goal.as_json() for goal in goals_measured]})


def _known(text: str, names: tuple[str, ...]) -> list[str]:
    if unknown := set(text.split(",")) - set(names):
        raise typer.BadParameter(f"unknown: {', '.join(sorted(unknown))}; expected {', '.join(names)}")
    return text.split(",")


def _changes(console: Console, database: str, repeats: int, bank: Bank) -> Part:
    measured = measure_changes(database, repeats, report_progress=console.print, bank=bank)
    print_runs(console, measured.runs)
    runs = Runs(measured.runs)
    if bank is Bank.EXTERNAL:
        return as_json(measured), list(external_goals(runs, measured.footprints))
    return as_json(measured), list(goals(runs, measured.footprints, measured.pairs))


def _growth(console: Console, database: str, options: Options) -> Part:
    grown = measure_growth(database, options)
    for note in grown.notes():
        console.print(note)
    return {"growth": grown.as_json()}, grown.goals()


def _peers(console: Console, repeats: int, bank: Bank) -> Part:
    peers = measure_peers(repeats, bank=bank)
    print_result(peers, console)
    return {"peers": peers.as_json()}, list(peers.goals())


if __name__ == "__main__":
    typer.run(main)
