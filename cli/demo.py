"""`demo`: its own ports and data, real order changes through HTTP, and an end without a trace."""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer
from rich.console import Console

from cli import stories
from cli.answers import ShopError
from cli.discover_story import discover_as_printed
from cli.entur_story import entur_in_five_calls
from cli.shop import Shop
from cli.stack import Ports, Stack, StackError
from cli.stage import Stage, StoryError

DAYS_AHEAD = 10


def demo() -> None:
    """Run every story; exit code 1 when one does not end as it is told."""
    console = Console(highlight=False)
    started = time.monotonic()
    ports = Ports.free()
    with tempfile.TemporaryDirectory(prefix="changeover-demo-") as data:
        try:
            console.print("Starting Temporal, a worker and the API ...")
            with Stack(Path(data), ports) as stack:
                console.print(f"API {stack.api}\nWeb UI {stack.web_ui}")
                shop = Shop(stack.api)
                _tell(Stage(shop, stack.web_ui, console), stack.api)
                shop.close()
        except (StackError, StoryError, ShopError) as error:
            console.print(f"[red]{error}[/red]")
            raise typer.Exit(1) from None
    console.print()
    seconds = time.monotonic() - started
    console.print(f"[bold]Eight stories in {seconds:.0f} seconds.[/bold] To keep it running: `make up`.")


def _tell(stage: Stage, address: str) -> None:
    day = datetime.now(UTC).date() + timedelta(days=DAYS_AHEAD)  # noqa: TID251 - the shop's own calendar
    stories.product_swap(stage)
    stories.completed_later(stage)
    order = stories.dearer_departure(stage, day)
    stories.cheaper_with_refund(stage, order, day)
    stories.full_train(stage, order, day)
    stories.payment_refused(stage, order, day)
    entur_in_five_calls(stage, address, day, day + timedelta(days=1))
    discover_as_printed(stage, address)
