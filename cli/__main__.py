"""changeover: commands for newcomers and operators."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

import worker as worker_process
from api.attention import Help
from cli import api as api_process
from cli import attention as operators
from cli import catalogue as catalogue_file
from cli import check as books
from cli import demo as demo_stories
from cli import doctor as doctor_checks
from cli import up as up_command
from cli.ending import end
from providers.connecting import ProviderSettingError
from settings import Settings
from store.migrate import migrate as migrate_store

app = typer.Typer(help="Changes sold orders safely.", no_args_is_help=True, pretty_exceptions_show_locals=False)
attention_app = typer.Typer(invoke_without_command=True)
app.add_typer(attention_app, name="attention")

Reason = Annotated[str, typer.Option(help="Why; recorded on the order. No names, please.")]
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
def check(data: Annotated[Path, typer.Option(help="The data directory `up` uses.")] = DATA) -> None:
    """Say whether money, seats, versions and outcomes are what they must be; exit code 1 when not.

    Looks at CHANGEOVER_DATABASE, or else at what `up` keeps.
    """
    settings = Settings()
    chosen = settings.database if "database" in settings.model_fields_set else f"sqlite:///{data / 'changeover.db'}"
    raise typer.Exit(books.check(chosen))


@attention_app.callback()
def attention(context: typer.Context) -> None:
    """List the orders with a step that keeps failing: exit code 1 when there are any."""
    if context.invoked_subcommand is None:
        raise typer.Exit(asyncio.run(operators.show()))


@attention_app.command("retry-now")
def retry_now(order: str, reason: Reason) -> None:
    """Have an order's stuck step tried again at once."""
    raise typer.Exit(asyncio.run(operators.help_(order, Help.RETRY_NOW, reason)))


@attention_app.command("done-by-hand")
def done_by_hand(order: str, reason: Reason) -> None:
    """Say that an order's stuck step was done at its provider."""
    raise typer.Exit(asyncio.run(operators.help_(order, Help.DONE_BY_HAND, reason)))


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
    except ProviderSettingError as error:
        print(error, file=sys.stderr)
        end(1)
    except SystemExit as ended:
        end(int(ended.code or 0))
