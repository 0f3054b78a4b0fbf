"""kill -9 of the worker in the middle of a change: the next worker continues, nothing is lost or done twice."""

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

MAX_RECOVERY_SECONDS = 20


@pytest.fixture
def stack(fresh_database: str, tmp_path: Path) -> Iterator[Stack]:
    ports = Ports.free()
    with Stack(tmp_path, ports, fresh_database, in_memory=True) as running:
        yield running


def sell(client: NativeClient, number: int) -> str:
    order = client.order("NOK", "kill")
    bundle = client.offer("standard", TWO, service=train("4711", number))
    body = {"operations": [add(bundle, named(TWO))], "confirm": True, "payment": CARD}
    assert send_change(client, order, body)["state"] == "done"
    return order


def upgrade(client: NativeClient, order: str, number: int) -> Json:
    bundle = client.offer("flexible", TWO, service=train("4713", number))
    lines = [line["id"] for line in client.show(order)["lines"]]
    return send_change(client, order, {"operations": [replace(lines, bundle)], "confirm": True, "payment": CARD})


def send_change(client: NativeClient, order: str, body: Json) -> Json:
    return client.run_watched(f"/v1/orders/{order}/changes", body, lambda _change: None)


def train(number: str, ahead: int) -> str:
    day = datetime.now(UTC).date() + timedelta(days=3 + ahead)  # noqa: TID251 - the client's own calendar
    return f"{number}-{day}"


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def read_done_steps(store: Store, order: str) -> set[str]:
    """Return the steps done of the change: the third request of the order, after its creation and its sale."""
    with store.read() as tx:
        query = select(ChangeRow.id).where(ChangeRow.order_number == order).order_by(col(ChangeRow.created_at))
        changes = tx.exec(query).all()
        return {row.step for row in of_change(tx, changes[2]) if row.state == "done"} if changes[2:] else set()


def is_new_order(client: NativeClient, store: Store, order: str, number: int) -> bool:
    """Whether an order is the new order, with exactly its seats and its money."""
    shown = client.show(order)
    with store.read() as tx:
        new = [row.key for row in tx.exec(select(SeatHoldRow)) if row.service == train("4713", number)]
        old = [row.key for row in tx.exec(select(SeatHoldRow)) if row.service == train("4711", number)]
    return (shown["status"], shown["version"], shown["paid"], shown["balance"], len(new), old) == (
        "confirmed",
        2,
        "798.00",
        "0.00",
        2,
        [],
    )


@contextmanager
def blocked_after_the_seats(stack: Stack) -> Iterator[None]:
    """Let a change hold its seats and then wait, because its lines cannot be written."""
    engine = create_engine(database_url(stack.database))
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE order_lines IN EXCLUSIVE MODE"))
        yield
        connection.rollback()
    engine.dispose()


@pytest.mark.only_on("postgres")
def test_a_change_whose_worker_is_killed_after_the_seats_were_held_is_continued(
    stack: Stack, client: NativeClient, store: Store
) -> None:
    order = sell(client, 0)
    with ThreadPoolExecutor(1) as pool:
        with blocked_after_the_seats(stack):
            request = pool.submit(upgrade, client, order, 0)
            wait_until(lambda: StepName.RESERVE_SEATS in read_done_steps(store, order))
            stack.worker.kill()
        killed = time.monotonic()
        stack.worker.start()
        assert request.result(60)["state"] == "done"
        assert time.monotonic() - killed < MAX_RECOVERY_SECONDS
    assert is_new_order(client, store, order, 0)


@pytest.mark.only_on("postgres")
def test_a_stream_reports_all_of_a_change_though_the_worker_is_killed(
    stack: Stack, client: NativeClient, store: Store
) -> None:
    order, steps = sell(client, 1), set()
    bundle = client.offer("flexible", TWO, service=train("4713", 1))
    body = {"operations": [replace([line["id"] for line in client.show(order)["lines"]], bundle)]}
    with ExitStack() as blocked:
        blocked.enter_context(blocked_after_the_seats(stack))
        change = client.submit("POST", f"/v1/orders/{order}/changes", body | {"confirm": True, "payment": CARD})
        events = []
        for each in client.follow(change):
            events.append(each)
            if each.data.get("step") == StepName.RESERVE_SEATS and each.data["state"] == "done":
                stack.worker.kill()
                blocked.close()
                stack.worker.start()
            steps.add((each.data.get("step"), each.data.get("state")))
    assert events[-1].data == {"change": change, "state": "done", "code": None}
    assert (StepName.CONFIRM_SEATS, "done") in steps
    numbers = [each.number for each in events if each.number]
    with store.read() as tx:
        own = [event.number for event in history(tx, order, 0, 200) if event.change == change]
    assert numbers == own
    assert is_new_order(client, store, order, 1)


@pytest.mark.only_on("sqlite")  # kill points on both are in test_kill_points
def test_a_worker_killed_while_many_orders_change_leaves_each_of_them_whole(
    stack: Stack, client: NativeClient, store: Store
) -> None:
    orders = {sell(client, number): number for number in range(6)}
    with ThreadPoolExecutor(len(orders)) as pool:
        requests = [pool.submit(upgrade, client, order, number) for order, number in orders.items()]
        first = next(iter(orders))
        wait_until(lambda: StepName.SWAP_OFFER_BUNDLE in read_done_steps(store, first))
        stack.worker.kill()
        stack.worker.start()
        assert [each.result(90)["state"] for each in requests] == ["done"] * len(orders)
    assert all(is_new_order(client, store, order, number) for order, number in orders.items())
