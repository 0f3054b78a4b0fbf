"""`up`: everything in one process tree, until Ctrl-C."""

import signal
import threading
from pathlib import Path

import typer
from rich.console import Console
from rich.panel import Panel

from cli.ports import choose
from cli.processes import Child
from cli.stack import Ports, Stack, StackError

WATCH_SECONDS = 0.5
console = Console(highlight=False)


def up(
    data: Path, database: str | None, api_port: int | None, web_ui_port: int | None, temporal_port: int | None
) -> None:
    """Bring everything up, print where it is, restart a part that dies, end all at Ctrl-C."""
    stop = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    try:
        ports = Ports(
            temporal=choose(temporal_port, 7233), web_ui=choose(web_ui_port, 8233), api=choose(api_port, 8080)
        )
        with Stack(data.resolve(), ports, database) as stack:
            _announce(stack)
            while not stop.wait(WATCH_SECONDS):
                for child in stack.children:
                    _revive(child)
            console.print("Ending: requests under way are finished first.")
    except (OSError, StackError) as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from None


def _announce(stack: Stack) -> None:
    rows = [
        f"Web UI   {stack.web_ui}   every order's draft, step by step",
        f"Desk     {stack.api}/desk   what waits for you, orders, money",
        f"Docs     {stack.api}/docs",
        f"Temporal {stack.temporal}",
        f"Store    {stack.database}",
        f"Logs     {stack.data / 'logs'}",
    ]
    console.print(Panel("\n".join(rows), title="Changeover is up", expand=False))
    # On a line of its own, for people and scripts alike.
    print(f"API {stack.api}", flush=True)
    console.print("Ctrl-C ends everything; the data stays.")


def _revive(child: Child) -> None:
    if child.ended:
        console.print(f"[yellow]{child.name} died and is started again.[/yellow] {child.tail(1)}")
        child.start()
