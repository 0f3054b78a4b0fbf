"""`up`: everything in one process tree, until Ctrl-C."""

import signal
import threading
from pathlib import Path

import typer
from rich.console import Console

from cli.instance_lock import RunsAlreadyError, alone, held
from cli.ports import choose
from cli.processes import Child
from cli.spinner import Starting
from cli.stack import Ports, Stack, StackError
from store.database.connections import database_url
from telemetry.loopback import HOST, free_port

WATCH_SECONDS = 0.5
USUAL = Ports(temporal=7233, web_ui=8233, api=8080)
NAMES = {"temporal": "Temporal", "web_ui": "Web UI", "api": "API"}
console = Console(highlight=False)


def up(
    data: Path,
    database: str | None,
    api_port: int | None,
    web_ui_port: int | None,
    temporal_port: int | None,
    api_metrics_port: int | None,
    worker_metrics_port: int | None,
) -> None:
    """Bring everything up, print where it is, restart a part that dies, end all at Ctrl-C."""
    # While starting, either signal ends us at once; Stack ends what it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        alone(data)
        wanted = {"temporal": temporal_port, "web_ui": web_ui_port, "api": api_port}
        ports = _ports(wanted, api_metrics=api_metrics_port, worker_metrics=worker_metrics_port)
        stack = Stack(data.resolve(), ports, database, step=Starting(console))
        with held(stack.data, stack.api, stack.web_ui, stack.temporal):
            _run(stack)
    except RunsAlreadyError as error:
        _refuse(error, data)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Ended before everything was up.")
        raise typer.Exit(130) from None
    except (OSError, StackError) as error:
        console.print(f"[red]{error}[/red]")
        console.print("`changeover doctor` says what else may be wrong.")
        raise typer.Exit(1) from None


def _ports(wanted: dict[str, int | None], **metrics: int | None) -> Ports:
    """Return the ports asked for, else the usual ones, else free ones, and say where those are."""
    chosen = {name: choose(port, free_port()) for name, port in metrics.items()}
    for name, port in wanted.items():
        usual = getattr(USUAL, name)
        chosen[name] = choose(port, usual)
        if port is None and chosen[name] != usual:
            console.print(f"[yellow]Port {usual} is taken:[/yellow] {NAMES[name]} takes {chosen[name]} instead.")
    return Ports(**chosen)


def _run(stack: Stack) -> None:
    console.print("Starting Changeover:")
    with stack:
        stop = threading.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: stop.set())
        _announce(stack)
        while not stop.wait(WATCH_SECONDS):
            for child in stack.children:
                _revive(child)
        console.print("Ending: requests under way are finished first.")


def _announce(stack: Stack) -> None:
    console.print("\n[bold green]Changeover is up.[/bold green]\n")
    # On a line of its own, for people and scripts alike.
    print(f"API {stack.api}", flush=True)
    _rows(
        ("API pages", f"{stack.api}/docs", "every request, to try out"),
        ("Web UI", stack.web_ui, "every order's draft, step by step"),
        ("Desk", f"{stack.api}/desk", "what waits for an operator; orders, seats, money"),
        ("Temporal", stack.temporal, ""),
        ("Store", database_url(stack.database).render_as_string(hide_password=True), ""),
        ("Logs", str(stack.data / "logs"), ""),
        ("Metrics", f"http://{HOST}:{stack.ports.api_metrics}/metrics", "the API's"),
        ("", f"http://{HOST}:{stack.ports.worker_metrics}/metrics", "the worker's"),
    )
    console.print("\nTry next, in another terminal:\n")
    _rows(
        ("sell a seat and change it", "docs/first-steps.md", ""),
        ("Entur in five calls", f"examples/entur-in-five-calls.sh {stack.api}", ""),
        ("kill -9 in mid-change", "./changeover demo --kill-worker", ""),
    )
    console.print("\nCtrl-C ends everything; the data stays.")


def _rows(*rows: tuple[str, str, str]) -> None:
    """Print aligned rows that are never wrapped: addresses and paths are there to be copied."""
    wide = max(len(row[0]) for row in rows)
    for name, value, remark in rows:
        told = f"  [dim]{remark}[/dim]" if remark else ""
        console.print(f"  [dim]{name:<{wide}}[/dim]  {value}{told}", soft_wrap=True)


def _refuse(error: RunsAlreadyError, data: Path) -> None:
    other = error.running
    if other is None:
        console.print(f"[yellow]Changeover is just starting on {data}.[/yellow]")
        return
    console.print(f"[yellow]Changeover runs already on {data}[/yellow] (process {other.process}):\n")
    _rows(("API", other.api, ""), ("Web UI", other.web_ui, ""), ("Temporal", other.temporal, ""))
    console.print("\nCtrl-C in its terminal ends it; `up --data FOLDER` runs another beside it.")


def _revive(child: Child) -> None:
    if child.ended:
        console.print(
            f"[yellow]{child.name} died and is started again.[/yellow] What it said last: {child.log}", soft_wrap=True
        )
        child.start()
