"""The command line `changeover`.

Each command imports its own modules when it runs: importing all of them takes two seconds, and operators type many
commands.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.rate_limits.counters import RedisMissingError
from cli.exit_codes import end, exit_code_of
from cli.operators import attention, changes, clients, drafts, orders, services
from cli.operators.output import AsJson
from cli.version import version
from providers.loader import ProviderSettingError
from runtime.settings import Settings
from runtime.startup_checks import UnsafeConfigurationError
from store.database.migrate import RoleMissingError
from telemetry.logs import configure
from telemetry.tracing import TracingMissingError

TRY, RUN, CARE = "Try it on this machine", "Run one process of an installation", "Operate an installation"
_EPILOG = "Start with `up` or `demo`. If something does not work, run `doctor`. Each command has its own --help."
app = typer.Typer(
    help="Changes sold orders safely. A change is done, or it is undone, or an operator is asked to resolve it.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
for noun, commands in (
    ("order", orders),
    ("change", changes),
    ("draft", drafts),
    ("attention", attention),
    ("client", clients),
    ("service", services),
):
    app.add_typer(commands.app, name=noun, rich_help_panel=CARE)

DATA = Path(".changeover")
Embedded = Annotated[bool, typer.Option("--embedded", help="Without the demo bank: payments are in our database, too.")]


def _print_version(requested: bool) -> None:  # noqa: FBT001 - the signature of an option's callback
    if requested:
        print(f"changeover {version()}")
        raise typer.Exit


_VERSION = typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")


@app.callback()
def _start(_version: Annotated[bool, _VERSION] = False) -> None:  # noqa: FBT002 - a flag
    configure(Settings().log_format)


@app.command(rich_help_panel=TRY)
def up(
    data: Annotated[Path, typer.Option(help="The folder that keeps the state between runs.")] = DATA,
    database: Annotated[
        str | None, typer.Option(help="Another database: postgresql://user:password@host/name.")
    ] = None,
    api_port: Annotated[int | None, typer.Option(help="The API's port; else 8080, or a free one.")] = None,
    web_ui_port: Annotated[int | None, typer.Option(help="The Web UI's port; else 8233, or a free one.")] = None,
    temporal_port: Annotated[int | None, typer.Option(help="Temporal's port; else 7233, or a free one.")] = None,
    api_metrics_port: Annotated[
        int | None, typer.Option(help="The port of the API's metrics; else a free one.")
    ] = None,
    worker_metrics_port: Annotated[
        int | None, typer.Option(help="The port of the worker's metrics; else a free one.")
    ] = None,
    *,
    embedded: Embedded = False,
) -> None:
    """Run everything on this machine until Ctrl-C.

    Starts Temporal with its Web UI, a database with a demo catalogue, a demo bank, a worker and the API. The data is
    kept. If CHANGEOVER_PAYMENTS names a provider, that one is used instead of the demo bank.
    """
    from cli import up as up_command

    metrics = (api_metrics_port, worker_metrics_port)
    up_command.up(data, database, api_port, web_ui_port, temporal_port, *metrics, embedded=embedded)


@app.command(rich_help_panel=TRY)
def demo(
    fail: Annotated[
        list[str] | None,
        typer.Option(metavar="STEP", help="Inject each possible fault into a step or undo; repeatable."),
    ] = None,
    kill_worker: Annotated[bool, typer.Option("--kill-worker", help="kill -9 the worker during a change.")] = False,  # noqa: FBT002 - a flag
    last_seat: Annotated[bool, typer.Option("--last-seat", help="Two customers request the last seat.")] = False,  # noqa: FBT002 - a flag
    *,
    embedded: Embedded = False,
) -> None:
    """Show nine stories of real order changes through the HTTP API, then exit.

    With an option the demo injects faults instead, and compares each order with its state before. It exits with 0 only
    if every order ends as expected.
    """
    from cli.demo import run as demo_stories

    demo_stories.demo(demo_stories.Trouble(tuple(fail or ()), kill_worker, last_seat), embedded=embedded)


@app.command(rich_help_panel=CARE)
def doctor(
    data: Annotated[Path, typer.Option(help="The data folder that `up` uses.")] = DATA,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Find what is wrong with this machine or installation, and say how to fix it.

    Checks the installation that the environment names, else the `up` that uses the data folder. Exits with 1 if
    something must be fixed.
    """
    from cli import doctor as doctor_checks

    raise typer.Exit(doctor_checks.doctor(data, as_json=as_json))


@app.command(rich_help_panel=CARE)
def check(
    data: Annotated[Path, typer.Option(help="The data folder that `up` uses.")] = DATA, *, as_json: AsJson = False
) -> None:
    """Run all consistency checks of money, seats, versions and outcomes.

    Checks CHANGEOVER_DATABASE, else the database of `up`, and compares the book of an external payment provider that
    lists its movements. Exits with 1 on violations, with 2 if there is no database or the provider does not answer.
    """
    from cli import check as checks
    from cli.doctor.target import Target

    raise typer.Exit(checks.check(Target.of(data), as_json=as_json))


@app.command(rich_help_panel=CARE)
def erase(
    orders: Annotated[list[str] | None, typer.Argument(metavar="ORDER...", help="Orders that have ended.")] = None,
    *,
    due: Annotated[
        bool, typer.Option("--due", help="All orders that ended longer ago than CHANGEOVER_RETENTION.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase personal data of travellers from orders that have ended. This cannot be undone.

    Money, seats and the history of requests stay. Exits with 1 if an order has not ended or is unknown, and with 2 if
    there is no database or it stops answering.
    """
    from cli import erase as erasure_command

    if bool(orders) == due:
        raise typer.BadParameter("Give order numbers, or --due.")
    raise typer.Exit(erasure_command.erase(Settings(), orders, as_json=as_json))


@app.command(rich_help_panel=RUN)
def migrate() -> None:
    """Migrate the database of CHANGEOVER_DATABASE to the current schema."""
    from store.database.migrate import migrate as migrate_store

    migrate_store(Settings().database)


@app.command(rich_help_panel=RUN)
def catalogue(
    path: Annotated[
        Path | None, typer.Argument(help="A catalogue file.", exists=True, dir_okay=False, readable=True)
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Load a catalogue file, the demo catalogue by default, into the embedded providers.

    A file with faults is refused whole, and each fault is printed. Exits with 1 then, with 2 if there is no database.
    """
    from cli import catalogue as catalogue_file

    raise typer.Exit(catalogue_file.catalogue(Settings(), path or catalogue_file.DEMO, as_json=as_json))


@app.command(rich_help_panel=RUN)
def worker() -> None:
    """Run a worker until SIGTERM or SIGINT."""
    import worker as worker_process

    asyncio.run(worker_process.run(Settings()))


@app.command(rich_help_panel=RUN)
def api() -> None:
    """Run the API until SIGTERM or SIGINT."""
    import uvloop

    from cli import api as api_process

    uvloop.run(api_process.serve(Settings()))


if __name__ == "__main__":
    try:
        app(prog_name="changeover")
    except (ProviderSettingError, RoleMissingError, UnsafeConfigurationError) as error:
        print(error, file=sys.stderr)
        end(1)
    except SystemExit as ended:
        end(exit_code_of(ended))
    except (TracingMissingError, RedisMissingError) as error:
        print(error, file=sys.stderr)
        end(2)
