"""`demo`: its own ports and data, real order changes through HTTP, and an end without a trace."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import typer
from rich.console import Console

from cli.demo import stories
from cli.demo.discover_story import discover_as_printed
from cli.demo.entur_story import entur_in_five_calls
from cli.demo.story_runner import StoryError, StoryRunner
from cli.faults.checks import books_hold
from cli.faults.fail_step import step_fails
from cli.faults.fault_kinds import breakable
from cli.faults.injection import Folder
from cli.faults.kill_worker import worker_killed
from cli.faults.last_seat import last_seat
from cli.http_clients.native import NativeClient
from cli.http_clients.responses import ShopError
from cli.spinner import Starting
from cli.stack import ALONE, Ports, Stack, StackError

DAYS_AHEAD = 10


@dataclass(frozen=True)
class Trouble:
    """What shall go wrong on purpose; nothing in the usual demo."""

    fail: Sequence[str] = ()
    kill_worker: bool = False
    last_seat: bool = False

    def __bool__(self) -> bool:
        return bool(self.fail) or self.kill_worker or self.last_seat


def demo(trouble: Trouble) -> None:
    """Run every story; exit code 1 when one does not end as it is told."""
    unknown = [step for step in trouble.fail if step not in breakable()]
    if unknown:
        raise typer.BadParameter(f"no step or undo {', '.join(unknown)}. There are: {', '.join(sorted(breakable()))}.")
    console = Console(highlight=False)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="changeover-demo-") as data:
        try:
            told = _played(Path(data), console, trouble)
        except (StackError, StoryError, ShopError) as error:
            console.print(f"[red]{error}[/red]")
            raise typer.Exit(1) from None
    seconds = time.monotonic() - started
    console.print(f"\n[bold]{told} in {seconds:.0f} seconds.[/bold] To keep it running: `make up`.")


def _played(data: Path, console: Console, trouble: Trouble) -> str:
    """Start everything and tell the stories; return what was told."""
    console.print("Starting Changeover, on ports of its own:")
    # Only trouble needs a worker that can be made to fail; it is no part of the service.
    worker = ("cli.faults.worker", str(data)) if trouble else ("cli", "worker")
    day = datetime.now(UTC).date() + timedelta(days=DAYS_AHEAD)  # noqa: TID251 - the shop's own calendar
    with Stack(data, Ports.free(), more=ALONE, worker=worker, step=Starting(console)) as stack:
        console.print(f"API {stack.api}\nWeb UI {stack.web_ui}")
        shop = NativeClient(stack.api)
        stage = StoryRunner(shop, stack.web_ui, console)
        if trouble:
            _make_trouble(stage, stack, trouble, day)
            books_hold(console, stack.database)
        else:
            _tell(stage, stack.api, day)
        shop.close()
    return "The law held" if trouble else "Eight stories"


def _make_trouble(stage: StoryRunner, stack: Stack, trouble: Trouble, day: date) -> None:
    folder = Folder(stack.data)
    for ahead, step in enumerate(trouble.fail):
        step_fails(stage, folder, step, day + timedelta(days=ahead))
    if trouble.kill_worker:
        worker_killed(stage, folder, stack.worker, day - timedelta(days=1))
    if trouble.last_seat:
        last_seat(stage, day - timedelta(days=2))


def _tell(stage: StoryRunner, address: str, day: date) -> None:
    stories.product_swap(stage)
    stories.completed_later(stage)
    order = stories.dearer_departure(stage, day)
    stories.cheaper_with_refund(stage, order, day)
    stories.full_train(stage, order, day)
    stories.payment_refused(stage, order, day)
    entur_in_five_calls(stage, address, day, day + timedelta(days=1))
    discover_as_printed(stage, address)
