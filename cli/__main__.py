"""changeover: commands for newcomers and operators.

Each command imports what it needs itself: all of it takes two seconds, and an operator types many.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.rate_limits.counters import RedisMissingError
from cli.exit_codes import code_of, end
from cli.operators import attention, changes, clients, drafts, orders
from cli.operators.output import AsJson
from providers.loader import ProviderSettingError
from runtime.settings import Settings
from runtime.startup_checks import UnsafeConfigurationError
from store.database.migrate import RoleMissingError
from telemetry.logs import configure
from telemetry.tracing import TracingMissingError

TRY, RUN, CARE = "Try it on this machine", "Run it, one process each", "Look after it"
_BEGIN = "First `up` or `demo`; when anything is odd, `doctor`. Each command has its own --help."
app = typer.Typer(
    help="Changes sold orders safely: the new order, the old order untouched, or a case an operator sees.",
    epilog=_BEGIN,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
for noun, commands in (
    ("order", orders),
    ("change", changes),
    ("draft", drafts),
    ("attention", attention),
    ("client", clients),
):
    app.add_typer(commands.app, name=noun, rich_help_panel=CARE)

DATA = Path(".changeover")


@app.callback()
def _logging() -> None:
    configure(Settings().log_format)


@app.command(rich_help_panel=TRY)
def up(
    data: Annotated[Path, typer.Option(help="Where state is kept between runs.")] = DATA,
    database: Annotated[str | None, typer.Option(help="Another database: postgresql://user:password@host/name")] = None,
    api_port: Annotated[int | None, typer.Option(help="8080, or a free one when that is taken.")] = None,
    web_ui_port: Annotated[int | None, typer.Option(help="8233, or a free one.")] = None,
    temporal_port: Annotated[int | None, typer.Option(help="7233, or a free one.")] = None,
    api_metrics_port: Annotated[int | None, typer.Option(help="Where the API is scraped; a free one.")] = None,
    worker_metrics_port: Annotated[int | None, typer.Option(help="Where the worker is scraped; a free one.")] = None,
) -> None:
    """Run everything until Ctrl-C.

    Temporal with its Web UI, the store with a demo catalogue, a worker and the API. The data stays for next time.
    """
    from cli import up as up_command

    metrics = (api_metrics_port, worker_metrics_port)
    up_command.up(data, database, api_port, web_ui_port, temporal_port, *metrics)


@app.command(rich_help_panel=TRY)
def demo(
    fail: Annotated[
        list[str] | None, typer.Option(metavar="STEP", help="Make a step or undo fail in each way it can; repeatable.")
    ] = None,
    kill_worker: Annotated[bool, typer.Option("--kill-worker", help="kill -9 the worker in mid-change.")] = False,  # noqa: FBT002 - a flag
    last_seat: Annotated[bool, typer.Option("--last-seat", help="Two customers want the last seat at once.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Tell stories of real order changes, and end.

    Told is what came over HTTP. Exit code 0 only when every order ended as it must. With an option: trouble on purpose,
    and each order compared with before.
    """
    from cli.demo import run as demo_stories

    demo_stories.demo(demo_stories.Trouble(tuple(fail or ()), kill_worker, last_seat))


@app.command(rich_help_panel=CARE)
def doctor(
    data: Annotated[Path, typer.Option(help="The data directory `up` uses.")] = DATA,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Say what is wrong here and how to mend it; exit code 1 when something is.

    Looks at what the environment names, or else at the `up` that has the data directory.
    """
    from cli import doctor as doctor_checks

    raise typer.Exit(doctor_checks.doctor(data, as_json=as_json))


@app.command(rich_help_panel=CARE)
def check(
    data: Annotated[Path, typer.Option(help="The data directory `up` uses.")] = DATA, *, as_json: AsJson = False
) -> None:
    """Say whether money, seats, versions and outcomes are what they must be: exit code 1 when not, 2 without any books.

    Looks at CHANGEOVER_DATABASE, or else at what `up` keeps.
    """
    from cli import check as books

    settings = Settings()
    chosen = settings.database if "database" in settings.model_fields_set else f"sqlite:///{data / 'changeover.db'}"
    raise typer.Exit(books.check(chosen, as_json=as_json))


@app.command(rich_help_panel=CARE)
def erase(
    orders: Annotated[list[str] | None, typer.Argument(metavar="ORDER...", help="Orders that have ended.")] = None,
    *,
    due: Annotated[bool, typer.Option("--due", help="Whatever ended longer ago than CHANGEOVER_RETENTION.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase who travelled from orders that have ended; money, seats and who asked for what stay. It cannot be undone.

    Exit code 1 when an order has not ended, or is unknown; 2 without any books, or
    when the store stopped answering half way.
    """
    from cli import erase as erasing

    if bool(orders) == due:
        raise typer.BadParameter("Name orders, or --due.")
    raise typer.Exit(erasing.erase(Settings(), orders, as_json=as_json))


@app.command(rich_help_panel=RUN)
def migrate() -> None:
    """Bring the database of CHANGEOVER_DATABASE to the present schema."""
    from store.database.migrate import migrate as migrate_store

    migrate_store(Settings().database)


@app.command(rich_help_panel=RUN)
def catalogue(path: Annotated[Path | None, typer.Argument(help="A catalogue file.")] = None) -> None:
    """Load a catalogue file, the demo catalogue by default, into the embedded providers."""
    from cli import catalogue as catalogue_file

    print(f"{catalogue_file.load(Settings(), path or catalogue_file.DEMO)} new departures")


@app.command(rich_help_panel=RUN)
def worker() -> None:
    """Run a worker until SIGTERM or SIGINT."""
    import worker as worker_process

    asyncio.run(worker_process.run(Settings()))


@app.command(rich_help_panel=RUN)
def api() -> None:
    """Run the API until SIGTERM or SIGINT."""
    from cli import api as api_process

    asyncio.run(api_process.serve(Settings()))


if __name__ == "__main__":
    try:
        app(prog_name="changeover")
    except (ProviderSettingError, RoleMissingError, UnsafeConfigurationError) as error:
        print(error, file=sys.stderr)
        end(1)
    except SystemExit as ended:
        end(code_of(ended))
    except (TracingMissingError, RedisMissingError) as error:
        print(error, file=sys.stderr)
        end(2)
