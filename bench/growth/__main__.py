"""`python -m bench.growth`: how costs grow, against what was promised; as JSON to a file, too."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.growth.drafts import FEWEST
from bench.growth.measure import GOALS, Options, measure
from bench.growth.results import GrowthResult
from bench.growth.stores import FEW, MANY


class Database(StrEnum):
    """Which database is measured."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


def main(
    database: Annotated[Database, typer.Option()] = Database.POSTGRES,
    goals: Annotated[str, typer.Option(help="Which of them, such as G9,G12.")] = ",".join(GOALS),
    orders: Annotated[int, typer.Option(min=1, help="Orders in the large store.")] = MANY,
    few: Annotated[int, typer.Option(min=1, help="Orders in the small store.")] = FEW,
    drafts: Annotated[int, typer.Option(min=FEWEST, help="Drafts that are opened for memory.")] = 1_000,
    parked: Annotated[int, typer.Option(min=51, help="Drafts that are opened to be parked.")] = 200,
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    batch: Annotated[int, typer.Option(min=1, help="Changes of a kind in each repeat.")] = 8,
    to: Annotated[Path | None, typer.Option("--json", help="A file to write everything measured to.")] = None,
) -> None:
    """Measure how costs grow."""
    wanted = goals.split(",")
    if unknown := set(wanted) - set(GOALS):
        raise typer.BadParameter(f"{', '.join(unknown)} is none of {', '.join(GOALS)}")
    options = Options(wanted, orders, few, drafts, parked, repeats, batch)
    result = measure(database, options)
    show(result)
    if to:
        to.write_text(json.dumps(result.as_json(), indent=2))


def show(result: GrowthResult) -> None:
    """Print each promise, what was measured and whether it was kept, and what must be known to read it."""
    table = Table("goal", "what", "asked", "measured", "met", title=f"Growth on {result.database}")
    for each in result.verdicts():
        table.add_row(each.goal, each.what, each.asked, each.measured, "yes" if each.met else "NO")
    console = Console()
    console.print(table)
    for note in result.notes():
        console.print(note)


if __name__ == "__main__":
    typer.run(main)
