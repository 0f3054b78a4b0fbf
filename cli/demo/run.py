"""`demo`: runs stories of real order changes over HTTP on a stack of its own, which leaves nothing behind."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import typer
from rich.console import Console

from cli.demo import stories
from cli.demo.discover_story import run_discover_requests
from cli.demo.entur_story import entur_in_five_calls
from cli.demo.family_story import family_of_three
from cli.demo.story_runner import StoryError, StoryRunner
from cli.faults.checks import check_books, check_invariants
from cli.faults.fail_step import step_fails
from cli.faults.fault_kinds import breakable
from cli.faults.injection import Folder
from cli.faults.kill_worker import worker_killed
from cli.faults.last_seat import last_seat
from cli.http_clients.native import NativeClient
from cli.http_clients.responses import ShopError
from cli.spinner import Starting
from cli.stack import LOCAL_ONLY, Ports, Stack, StackError

DAYS_AHEAD = 10


@dataclass(frozen=True)
class Trouble:
    """The faults that the demo injects; none by default."""

    fail: Sequence[str] = ()
    kill_worker: bool = False
    last_seat: bool = False

    def __bool__(self) -> bool:
        return bool(self.fail) or self.kill_worker or self.last_seat


def demo(trouble: Trouble, *, embedded: bool) -> None:
    """Run every story. Exits with 1 if a story does not end as expected."""
    unknown = [step for step in trouble.fail if step not in breakable()]
    if unknown:
        expected = ", ".join(sorted(breakable()))
        raise typer.BadParameter(f"unknown step or undo {', '.join(unknown)}; expected one of {expected}.")
    console = Console(highlight=False)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="changeover-demo-") as data:
        try:
            summary = _run(Path(data), console, trouble, embedded=embedded)
        except (StackError, StoryError, ShopError) as error:
            console.print(f"[red]{error}[/red]")
            raise typer.Exit(1) from None
    seconds = time.monotonic() - started
    console.print(f"\n[bold]{summary} in {seconds:.0f} seconds.[/bold] To keep Changeover running: `make up`.")


def _run(data: Path, console: Console, trouble: Trouble, *, embedded: bool) -> str:
    """Start a stack and run the stories; return a summary."""
    console.print("Starting Changeover on free ports:")
    # Only injected faults need the worker that can fail; it is no part of the service.
    worker = ("cli.faults.worker", str(data)) if trouble else ("cli", "worker")
    day = datetime.now(UTC).date() + timedelta(days=DAYS_AHEAD)  # noqa: TID251 - the client's own calendar
    more = LOCAL_ONLY | ({"CHANGEOVER_PAYMENTS": ""} if embedded else {})
    bank = not embedded
    with Stack(data, Ports.free(), with_bank=bank, more=more, worker=worker, step=Starting(console)) as stack:
        console.print(f"API {stack.api}\nWeb UI {stack.web_ui}")
        client = NativeClient(stack.api)
        story = StoryRunner(client, stack.web_ui, console)
        if trouble:
            _inject_faults(story, stack, trouble, day)
            check_invariants(console, stack.database)
        else:
            _run_stories(story, stack, day)
        if stack.bank:
            check_books(console, stack.database, stack.bank)
        client.close()
    return "The guarantees held" if trouble else "Nine stories"


def _inject_faults(story: StoryRunner, stack: Stack, trouble: Trouble, day: date) -> None:
    folder = Folder(stack.data)
    for number, step in enumerate(trouble.fail):
        step_fails(story, folder, step, day + timedelta(days=number))
    if trouble.kill_worker:
        worker_killed(story, folder, stack.worker, day - timedelta(days=1), at_bank=stack.bank is not None)
    if trouble.last_seat:
        last_seat(story, day - timedelta(days=2))


def _run_stories(story: StoryRunner, stack: Stack, day: date) -> None:
    stories.product_swap(story)
    stories.completed_later(story)
    order = stories.dearer_departure(story, day)
    stories.cheaper_with_refund(story, order, day)
    stories.full_train(story, order, day)
    stories.payment_refused(story, order, day, at_bank=stack.bank is not None)
    entur_in_five_calls(story, stack.api, day, day + timedelta(days=1))
    run_discover_requests(story, stack.api)
    family_of_three(story, day + timedelta(days=2))
