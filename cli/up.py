"""`up`: runs a whole installation in one process tree until Ctrl-C."""

import signal
import threading
from pathlib import Path

import typer
from rich.console import Console

from cli.demo_bank import BOOK
from cli.instance_lock import RunsAlreadyError, check_not_running, lock_data
from cli.ports import choose_port
from cli.processes import Child
from cli.spinner import Starting
from cli.stack import TEMPORAL_DATABASE, Ports, Stack, StackError
from runtime.settings import Settings
from store.database.connections import database_url
from telemetry.loopback import HOST, free_ports

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
    *,
    embedded: bool,
) -> None:
    """Start everything, print the addresses, restart a part that dies, and stop everything at Ctrl-C."""
    # During the start either signal ends this process at once; Stack stops the parts that it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_not_running(data)
        with_bank = _has_bank(data, embedded=embedded)
        requested = {"temporal": temporal_port, "web_ui": web_ui_port, "api": api_port}
        ports = _choose_ports(requested, api_metrics=api_metrics_port, worker_metrics=worker_metrics_port)
        more = {"CHANGEOVER_PAYMENTS": ""} if embedded else {}
        stack = Stack(data.resolve(), ports, database, with_bank=with_bank, more=more, step=Starting(console))
        bank = stack.bank.address if stack.bank else None
        with lock_data(stack.data, stack.api, stack.web_ui, stack.temporal, bank):
            _run(stack)
    except RunsAlreadyError as error:
        _refuse(error, data)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Stopped before everything had started.")
        raise typer.Exit(130) from None
    except (OSError, StackError) as error:
        console.print(f"[red]{error}[/red]")
        console.print("Run `changeover doctor` to find what is wrong.")
        raise typer.Exit(1) from None


def _has_bank(data: Path, *, embedded: bool) -> bool:
    """Whether payments are at the demo bank. Raises StackError if the payments in the data are elsewhere.

    A payment can be captured and refunded only where it was authorised.
    """
    if not embedded and Settings().payments:
        return False
    used, book = (data / TEMPORAL_DATABASE).exists(), (data / BOOK).exists()
    if embedded and book:
        raise StackError(f"The payments in {data} are at the demo bank: leave --embedded out, or use another --data.")
    if not embedded and used and not book:
        raise StackError(f"The payments in {data} are not at the demo bank: use --embedded, or another --data.")
    return not embedded


def _choose_ports(requested: dict[str, int | None], **metrics: int | None) -> Ports:
    """Return the requested ports, else the usual ones, else free ones; print which usual ones are taken."""
    names = [*metrics, *requested]
    free = dict(zip(names, free_ports(len(names)), strict=True))
    chosen = {name: choose_port(port, free[name], free[name]) for name, port in metrics.items()}
    for name, port in requested.items():
        usual = getattr(USUAL, name)
        chosen[name] = choose_port(port, usual, free[name])
        if port is None and chosen[name] != usual:
            console.print(f"[yellow]Port {usual} is taken:[/yellow] {NAMES[name]} uses {chosen[name]} instead.")
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
                _restart_if_ended(child)
        console.print("Stopping: running requests finish first.")


def _announce(stack: Stack) -> None:
    console.print("\n[bold green]Changeover is up.[/bold green]\n")
    # On a line of its own, which scripts can read.
    print(f"API {stack.api}", flush=True)
    _rows(
        ("API pages", f"{stack.api}/docs", "all requests, to try out"),
        ("Web UI", stack.web_ui, "each order's draft, step by step"),
        ("Desk", f"{stack.api}/desk", "orders that need attention; orders, seats, money"),
        ("Temporal", stack.temporal, ""),
        ("Payments", *_where_payments_are(stack)),
        ("Database", database_url(stack.database).render_as_string(hide_password=True), ""),
        ("Logs", str(stack.data / "logs"), ""),
        ("Metrics", f"http://{HOST}:{stack.ports.api_metrics}/metrics", "of the API"),
        ("", f"http://{HOST}:{stack.ports.worker_metrics}/metrics", "of the worker"),
    )
    console.print("\nTry next, in another terminal:\n")
    _rows(
        ("sell a seat and change it", "docs/first-steps.md", ""),
        ("Entur in five calls", f"examples/entur-in-five-calls.sh {stack.api}", ""),
        ("kill -9 during a change", "./changeover demo --kill-worker", ""),
    )
    console.print("\nCtrl-C stops everything; the data is kept.")


def _where_payments_are(stack: Stack) -> tuple[str, str]:
    if stack.bank:
        return stack.bank.address, "a demo bank, in a process of its own"
    return stack.worker.environment.get("CHANGEOVER_PAYMENTS", Settings().payments) or "in the database", ""


def _rows(*rows: tuple[str, str, str]) -> None:
    """Print aligned rows. They are never wrapped, so that addresses and paths can be copied."""
    width = max(len(row[0]) for row in rows)
    for name, value, remark in rows:
        note = f"  [dim]{remark}[/dim]" if remark else ""
        console.print(f"  [dim]{name:<{width}}[/dim]  {value}{note}", soft_wrap=True)


def _refuse(error: RunsAlreadyError, data: Path) -> None:
    other = error.running
    if other is None:
        console.print(f"[yellow]Changeover is already starting on {data}.[/yellow]")
        return
    console.print(f"[yellow]Changeover already runs on {data}[/yellow] (process {other.process}):\n")
    _rows(("API", other.api, ""), ("Web UI", other.web_ui, ""), ("Temporal", other.temporal, ""))
    console.print("\nCtrl-C in its terminal stops it; `up --data FOLDER` runs another one.")


def _restart_if_ended(child: Child) -> None:
    if child.ended:
        console.print(f"[yellow]{child.name} died and is restarted.[/yellow] Its log: {child.log}", soft_wrap=True)
        child.start()
