"""`demo --last-seat`: two customers request the last seat at the same time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from rich.live import Live
from rich.table import Table

from cli.demo.stories import CARD, TWO, add, named, replace
from cli.demo.story_runner import StoryError, StoryRunner
from cli.faults.checks import expect_changed_once, expect_unchanged, seats
from cli.http_clients.responses import Json
from cli.rendering import steps_table

SEATS = 32
BUYERS = (TWO[0], TWO[1])


def last_seat(story: StoryRunner, day: date) -> None:
    """Fill a train except for one seat, and change two orders to it at the same time."""
    story.title(1, "Two customers request the last seat at the same time")
    train = f"4713-{day}"
    _fill_train(story, train)
    orders = [_sell(story, f"4711-{day}", buyer) for buyer in BUYERS]
    before = {order: story.client.show(order) for order in orders}
    changes = _change_together(story, train, orders)
    after = {order: story.client.show(order) for order in orders}
    winners = [order for order in orders if changes[order]["state"] == "done"]
    if len(winners) != 1:
        raise StoryError(f"{len(winners)} orders have the last seat")
    (winner,) = winners
    (loser,) = set(orders) - {winner}
    story.expect(changes[loser], "refused", "SOLD_OUT")
    expect_changed_once(story, before[winner], after[winner])
    expect_unchanged(story, before[loser], after[loser])
    (seat,) = seats(after[winner])
    story.say(f"[bold]{seat} has one holder; the other order keeps its seat and money.[/bold]")


def _fill_train(story: StoryRunner, train: str) -> None:
    guests = [{"id": f"guest-{number}", "birth_date": "1990-01-01"} for number in range(SEATS - 1)]
    order = story.client.order("NOK", "demo-crowd")
    _do(story, order, {"operations": [add(story.client.offer("standard", guests, service=train))]})
    story.say(f"{SEATS - 1} guests take every seat of train {train} but one.")


def _sell(story: StoryRunner, train: str, buyer: Json) -> str:
    order = story.client.order("NOK", f"demo-{buyer['id']}")
    bundle = story.client.offer("standard", [buyer], service=train)
    _do(story, order, {"operations": [add(bundle, named([buyer]))], "confirm": True, "payment": CARD})
    return order


def _do(story: StoryRunner, order: str, body: Json) -> None:
    if story.client.run(f"/v1/orders/{order}/changes", body)["state"] != "done":
        raise StoryError(f"order {order} could not be prepared")


def _change_together(story: StoryRunner, train: str, orders: list[str]) -> dict[str, Json]:
    """Request both changes at the same time, and show them side by side until both have ended."""
    bodies = {order: _build_request(story, train, order, buyer) for order, buyer in zip(orders, BUYERS, strict=True)}
    together, latest = threading.Barrier(len(orders)), dict[str, Json]()

    def watch(order: str) -> Callable[[Json], None]:
        return lambda change: latest.update({order: change})

    def run(order: str) -> Json:
        together.wait()
        return story.client.run_watched(f"/v1/orders/{order}/changes", bodies[order], watch(order))

    story.say("[bold]change: replace lines, confirmed at once, both at the same time[/bold]")
    with ThreadPoolExecutor(len(orders)) as pool:
        futures = {order: pool.submit(run, order) for order in orders}
        with Live(console=story.console, refresh_per_second=20, transient=True) as live:
            while not all(each.done() for each in futures.values()):
                live.update(_side_by_side(latest))
        ended = {order: each.result() for order, each in futures.items()}
    story.console.print(_side_by_side(ended))
    return ended


def _build_request(story: StoryRunner, train: str, order: str, buyer: Json) -> Json:
    bundle = story.client.offer("flexible", [buyer], service=train)
    lines = [line["id"] for line in story.client.show(order)["lines"]]
    return {"operations": [replace(lines, bundle)], "confirm": True, "payment": CARD}


def _side_by_side(changes: dict[str, Json]) -> Table:
    table = Table.grid(padding=(0, 2))
    shown = sorted(changes)
    table.add_row(*(f"     [cyan]order {order}[/cyan]" for order in shown))
    table.add_row(*(steps_table({**changes[order], "quote": None}) for order in shown))
    return table
