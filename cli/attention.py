"""`attention`: what waits for an operator, and what to do about it, from the command line."""

from rich.console import Console

import worker
from api.attention import Help, NothingStuckError, help_order, stuck_orders
from api.engine import Engine, EngineUnreachableError
from settings import Settings
from workflows.messages import Progress

_NO_ENGINE = "[red]Temporal, or a worker, does not answer.[/red] TEMPORAL_ADDRESS names another one."
_DONE = {
    Help.RETRY_NOW: "tried again, and recorded on the order.",
    Help.DONE_BY_HAND: "taken for done by hand; recorded on the order as our own books are mended.",
}
console = Console(highlight=False)


async def show() -> int:
    """Print every stuck step; return the exit code: 1 when there is one, 2 when that cannot be told."""
    client = await worker.connect(Settings(), lazy=True)
    try:
        orders = await stuck_orders(client)
    except EngineUnreachableError:
        console.print(_NO_ENGINE)
        return 2
    engine = Engine(client)
    for order in orders:
        progress = await engine.progress(order)
        if progress:
            _print(progress)
    if not orders:
        console.print("[green]No order waits for an operator.[/green]")
    return 1 if orders else 0


def _print(progress: Progress) -> None:
    stuck = progress.stuck
    if stuck is None:
        return
    console.print(f"[bold]{progress.order}[/bold] {progress.kind} {progress.request}")
    console.print(f"   {stuck.what}: keeps failing with {stuck.code} since {stuck.since:%Y-%m-%d %H:%M:%S} UTC")
    for word in stuck.left:
        console.print(f"   left: {word}")


async def help_(order: str, how: Help, reason: str) -> int:
    """Help an order's stuck step; return the exit code."""
    client = await worker.connect(Settings(), lazy=True)
    try:
        await help_order(client, order, how, reason)
    except NothingStuckError:
        console.print(f"No step of {order} is stuck.")
        return 1
    except EngineUnreachableError:
        console.print(_NO_ENGINE)
        return 2
    console.print(f"{order}: {_DONE[how]}")
    return 0
