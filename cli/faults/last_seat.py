"""`demo --last-seat`: two customers want the last seat at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from rich.live import Live
from rich.table import Table

from cli.demo.stories import CARD, TWO, add, named, replace
from cli.demo.story_runner import StoryError, StoryRunner
from cli.faults.checks import as_before, changed_once, seats
from cli.http_clients.responses import Json
from cli.rendering import steps_of

SEATS = 32
BUYERS = (TWO[0], TWO[1])


def last_seat(stage: StoryRunner, day: date) -> None:
    """Fill a train but for one seat, and let two orders be changed to it at the same moment."""
    stage.title(1, "Two customers want the last seat at once")
    train = f"4713-{day}"
    _crowd(stage, train)
    orders = [_sold(stage, f"4711-{day}", buyer) for buyer in BUYERS]
    before = {order: stage.shop.show(order) for order in orders}
    ended = _at_once(stage, train, orders)
    after = {order: stage.shop.show(order) for order in orders}
    winners = [order for order in orders if ended[order]["state"] == "done"]
    if len(winners) != 1:
        raise StoryError(f"{len(winners)} orders have the last seat")
    (winner,) = winners
    (loser,) = set(orders) - {winner}
    stage.expect(ended[loser], "refused", "SOLD_OUT")
    changed_once(stage, before[winner], after[winner])
    as_before(stage, before[loser], after[loser])
    (seat,) = seats(after[winner])
    stage.say(f"[bold]{seat} has one holder; the other kept seat and money.[/bold]")


def _crowd(stage: StoryRunner, train: str) -> None:
    guests = [{"id": f"guest-{number}", "birth_date": "1990-01-01"} for number in range(SEATS - 1)]
    order = stage.shop.order("NOK", "demo-crowd")
    _do(stage, order, {"operations": [add(stage.shop.offer("standard", guests, service=train))]})
    stage.say(f"{SEATS - 1} guests take every seat of train {train} but one.")


def _sold(stage: StoryRunner, train: str, buyer: Json) -> str:
    order = stage.shop.order("NOK", f"demo-{buyer['id']}")
    bundle = stage.shop.offer("standard", [buyer], service=train)
    _do(stage, order, {"operations": [add(bundle, named([buyer]))], "confirm": True, "payment": CARD})
    return order


def _do(stage: StoryRunner, order: str, body: Json) -> None:
    if stage.shop.run(f"/v1/orders/{order}/changes", body)["state"] != "done":
        raise StoryError(f"order {order} could not be made ready")


def _at_once(stage: StoryRunner, train: str, orders: list[str]) -> dict[str, Json]:
    """Ask both changes at the same moment, and show them side by side until both have ended."""
    bodies = {order: _wanted(stage, train, order, buyer) for order, buyer in zip(orders, BUYERS, strict=True)}
    together, seen = threading.Barrier(len(orders)), dict[str, Json]()

    def watch(order: str) -> Callable[[Json], None]:
        return lambda change: seen.update({order: change})

    def ask(order: str) -> Json:
        together.wait()
        return stage.shop.ask(f"/v1/orders/{order}/changes", bodies[order], watch(order))

    stage.say("[bold]change: replace lines, confirmed in one go, both at the same moment[/bold]")
    with ThreadPoolExecutor(len(orders)) as pool:
        asked = {order: pool.submit(ask, order) for order in orders}
        with Live(console=stage.console, refresh_per_second=20, transient=True) as live:
            while not all(each.done() for each in asked.values()):
                live.update(_side_by_side(seen))
        ended = {order: each.result() for order, each in asked.items()}
    stage.console.print(_side_by_side(ended))
    return ended


def _wanted(stage: StoryRunner, train: str, order: str, buyer: Json) -> Json:
    bundle = stage.shop.offer("flexible", [buyer], service=train)
    lines = [line["id"] for line in stage.shop.show(order)["lines"]]
    return {"operations": [replace(lines, bundle)], "confirm": True, "payment": CARD}


def _side_by_side(changes: dict[str, Json]) -> Table:
    table = Table.grid(padding=(0, 2))
    shown = sorted(changes)
    table.add_row(*(f"     [cyan]order {order}[/cyan]" for order in shown))
    table.add_row(*(steps_of({**changes[order], "quote": None}) for order in shown))
    return table
