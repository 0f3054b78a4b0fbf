"""changeover: commands for newcomers and operators."""

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

import worker as worker_process
from cli import api as api_process
from cli import catalogue as catalogue_file
from cli import check as books
from cli import demo as demo_stories
from cli import doctor as doctor_checks
from cli import up as up_command
from cli.ending import code_of, end
from cli.operators import attention, changes, drafts, orders
from cli.operators.speaking import AsJson
from settings import Settings
from store.migrate import migrate as migrate_store

app = typer.Typer(help="Changes sold orders safely.", no_args_is_help=True, pretty_exceptions_show_locals=False)
for noun, commands in (("order", orders), ("change", changes), ("draft", drafts), ("attention", attention)):
    app.add_typer(commands.app, name=noun)

DATA = Path(".changeover")


@app.callback()
def _logging() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # The SDK logs tracebacks of failed steps; ours say what failed, without anybody's data.
    logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)


@app.command()
def up(
    data: Annotated[Path, typer.Option(help="Where state is kept between runs.")] = DATA,
    database: Annotated[str | None, typer.Option(help="Another database: postgresql://user:password@host/name")] = None,
    api_port: Annotated[int | None, typer.Option(help="8080, or a free one when that is taken.")] = None,
    web_ui_port: Annotated[int | None, typer.Option(help="8233, or a free one.")] = None,
    temporal_port: Annotated[int | None, typer.Option(help="7233, or a free one.")] = None,
) -> None:
    """Run everything on this machine until Ctrl-C: Temporal with its Web UI, worker, API, demo catalogue."""
    up_command.up(data, database, api_port, web_ui_port, temporal_port)


@app.command()
def demo() -> None:
    """Run real order changes through HTTP, show what happened, and end."""
    demo_stories.demo()


@app.command()
def doctor(data: Annotated[Path, typer.Option(help="The data directory `up` uses.")] = DATA) -> None:
    """Say whether this machine can run Changeover, and what to mend when it cannot."""
    raise typer.Exit(doctor_checks.doctor(data))


@app.command()
def check(
    data: Annotated[Path, typer.Option(help="The data directory `up` uses.")] = DATA, *, as_json: AsJson = False
) -> None:
    """Say whether money, seats, versions and outcomes are what they must be: exit code 1 when not, 2 without any books.

    Looks at CHANGEOVER_DATABASE, or else at what `up` keeps.
    """
    settings = Settings()
    chosen = settings.database if "database" in settings.model_fields_set else f"sqlite:///{data / 'changeover.db'}"
    raise typer.Exit(books.check(chosen, as_json=as_json))


@app.command()
def migrate() -> None:
    """Bring the database of CHANGEOVER_DATABASE to the present schema."""
    migrate_store(Settings().database)


@app.command()
def catalogue(path: Annotated[Path, typer.Argument(help="A catalogue file.")] = catalogue_file.DEMO) -> None:
    """Load a catalogue file, the demo catalogue by default, into the embedded providers."""
    print(f"{catalogue_file.load(Settings(), path)} new departures")


@app.command()
def worker() -> None:
    """Run a worker until SIGTERM or SIGINT."""
    asyncio.run(worker_process.run(Settings()))


@app.command()
def api() -> None:
    """Run the API until SIGTERM or SIGINT."""
    asyncio.run(api_process.serve(Settings()))


if __name__ == "__main__":
    try:
        app(prog_name="changeover")
    except SystemExit as ended:
        end(code_of(ended))
