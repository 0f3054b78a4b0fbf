"""`make bench`: what a change costs beside bare workflows, on fresh and tuned servers, and what is said of the goals.

Wall times of a shared machine say little: ratios within one repeat and CPU per change say more.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.changes.bench import measure
from bench.changes.goals import Runs, goals
from bench.changes.measure import CALLERS
from bench.report import as_json, print_goals, print_runs, write

app = typer.Typer(add_completion=False, help=__doc__)

Database = Annotated[str, typer.Option(help="postgres or sqlite")]
Repeats = Annotated[int, typer.Option(min=1, help="how often everything is measured, each time on a fresh rig")]
Out = Annotated[Path | None, typer.Option(help="where to write all figures as JSON")]


@app.command()
def main(database: Database = "postgres", repeats: Repeats = 5, out: Out = None) -> None:
    """Measure changes, and print the figures and the goals."""
    console = Console()
    measured = measure(database, repeats, CALLERS, told=console.print)
    said = list(goals(Runs(measured.runs), measured.histories))
    print_runs(console, measured.runs)
    print_goals(console, said)
    if out:
        write(out, as_json(database, measured.runs, measured.histories, said, {}))


if __name__ == "__main__":
    app()
