"""kill -9 of the worker in the middle of a change: another one carries on, nothing is lost or doubled."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlmodel import col, select

from cli.demo.stories import CARD, TWO, add, named, replace
from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json
from cli.stack import Ports, Stack
from store.changes.step_records import of_change
from store.database.connections import database_url
from store.database.store import Store
from store.orders.events import history
from store.tables import ChangeRow, SeatHoldRow
from temporal.names import StepName

pytestmark = pytest.mark.faults

SECONDS_TO_RECOVER = 20


@pytest.fixture
def stack(fresh_database: str, tmp_path: Path) -> Iterator[Stack]:
    ports = Ports.free()
    with Stack(tmp_path, ports, fresh_database, in_memory=True) as running:
        yield running


def sold(shop: NativeClient, number: int) -> str:
    order = shop.order("NOK", "kill")
    bundle = shop.offer("standard", TWO, service=train("4711", number))
    wanted = {"operations": [add(bundle, named(TWO))], "confirm": True, "payment": CARD}
    assert ask(shop, order, wanted)["state"] == "done"
    return order


def dearer(shop: NativeClient, order: str, number: int) -> Json:
    bundle = shop.offer("flexible", TWO, service=train("4713", number))
    lines = [line["id"] for line in shop.show(order)["lines"]]
    return ask(shop, order, {"operations": [replace(lines, bundle)], "confirm": True, "payment": CARD})


def ask(shop: NativeClient, order: str, body: Json) -> Json:
    return shop.ask(f"/v1/orders/{order}/changes", body, lambda _seen: None)


def train(number: str, ahead: int) -> str:
    day = datetime.now(UTC).date() + timedelta(days=3 + ahead)  # noqa: TID251 - the shop's own calendar
    return f"{number}-{day}"


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def done_of_the_change(book: Store, order: str) -> set[str]:
    """Which steps of the change are done: the order's third request, after its making and its sale."""
    with book.read() as tx:
        mine = select(ChangeRow.id).where(ChangeRow.order_number == order).order_by(col(ChangeRow.created_at))
        asked = tx.exec(mine).all()
        return {row.step for row in of_change(tx, asked[2]) if row.state == "done"} if asked[2:] else set()


def whole(shop: NativeClient, book: Store, order: str, number: int) -> bool:
    """Whether an order is the new order, with just its seats and its money."""
    shown = shop.show(order)
    with book.read() as tx:
        mine = [row.key for row in tx.exec(select(SeatHoldRow)) if row.service == train("4713", number)]
        old = [row.key for row in tx.exec(select(SeatHoldRow)) if row.service == train("4711", number)]
    return (shown["status"], shown["version"], shown["paid"], shown["balance"], len(mine), old) == (
        "confirmed",
        2,
        "798.00",
        "0.00",
        2,
        [],
    )


@contextmanager
def nothing_after_the_seats(stack: Stack) -> Iterator[None]:
    """Let a change hold its seats and then wait: its lines cannot be written."""
    engine = create_engine(database_url(stack.database))
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE order_lines IN EXCLUSIVE MODE"))
        yield
        connection.rollback()
    engine.dispose()


@pytest.mark.only_on("postgres")
def test_a_change_whose_worker_is_killed_after_the_seats_were_held_is_continued(
    stack: Stack, shop: NativeClient, book: Store
) -> None:
    order = sold(shop, 0)
    with ThreadPoolExecutor(1) as pool:
        with nothing_after_the_seats(stack):
            asked = pool.submit(dearer, shop, order, 0)
            until(lambda: StepName.RESERVE_SEATS in done_of_the_change(book, order))
            stack.worker.kill()
        killed = time.monotonic()
        stack.worker.start()
        assert asked.result(60)["state"] == "done"
        assert time.monotonic() - killed < SECONDS_TO_RECOVER
    assert whole(shop, book, order, 0)


@pytest.mark.only_on("postgres")
def test_a_stream_reports_all_of_a_change_though_the_worker_is_killed(
    stack: Stack, shop: NativeClient, book: Store
) -> None:
    order, steps = sold(shop, 1), set()
    bundle = shop.offer("flexible", TWO, service=train("4713", 1))
    wanted = {"operations": [replace([line["id"] for line in shop.show(order)["lines"]], bundle)]}
    with ExitStack() as held_up:
        held_up.enter_context(nothing_after_the_seats(stack))
        change = shop.begin("POST", f"/v1/orders/{order}/changes", wanted | {"confirm": True, "payment": CARD})
        told = []
        for each in shop.follow(change):
            told.append(each)
            if each.data.get("step") == StepName.RESERVE_SEATS and each.data["state"] == "done":
                stack.worker.kill()
                held_up.close()
                stack.worker.start()
            steps.add((each.data.get("step"), each.data.get("state")))
    assert told[-1].data == {"change": change, "state": "done", "code": None}
    assert (StepName.CONFIRM_SEATS, "done") in steps
    numbers = [each.number for each in told if each.number]
    with book.read() as tx:
        own = [event.number for event in history(tx, order, 0, 200) if event.change == change]
    assert numbers == own
    assert whole(shop, book, order, 1)


@pytest.mark.only_on("sqlite")  # kill points on both are in test_kill_points
def test_a_worker_killed_while_many_orders_change_leaves_each_of_them_whole(
    stack: Stack, shop: NativeClient, book: Store
) -> None:
    orders = {sold(shop, number): number for number in range(6)}
    with ThreadPoolExecutor(len(orders)) as pool:
        asked = [pool.submit(dearer, shop, order, number) for order, number in orders.items()]
        first = next(iter(orders))
        until(lambda: StepName.SWAP_OFFER_BUNDLE in done_of_the_change(book, first))
        stack.worker.kill()
        stack.worker.start()
        assert [each.result(90)["state"] for each in asked] == ["done"] * len(orders)
    assert all(whole(shop, book, order, number) for order, number in orders.items())
