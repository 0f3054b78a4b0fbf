"""Order numbers and events are numbered without gaps, even by concurrent writers."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from store.database.store import Store
from store.orders import order_numbers
from store.orders.events import EventType, append, history
from store.orders.orders import lock_order
from store.tables import OrderRow


def run_concurrently(work: Callable[[], None], times: int = 6) -> None:
    threads = [threading.Thread(target=work) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_order_numbers_are_two_digits_of_the_year_and_a_counter_never_given_twice(store: Store) -> None:
    given: list[str] = []

    def take_numbers() -> None:
        for _ in range(5):
            with store.write() as tx:
                given.append(order_numbers.next_order_number(tx, "default", store.now()))

    run_concurrently(take_numbers)
    assert len(set(given)) == 30
    counts = sorted(int(number.partition("-")[2]) for number in given)
    assert counts[0] >= 100_000
    assert counts == list(range(counts[0], counts[0] + 30))
    assert {number[:3] for number in given} == {f"{store.now():%y}-"}


def test_events_of_an_order_are_one_gapless_sequence(store: Store, request: pytest.FixtureRequest) -> None:
    number = f"98-{abs(hash(request.node.nodeid)) % 10**9:09d}"
    with store.write() as tx:
        tx.add(OrderRow(tenant="default", number=number, currency="NOK", created_at=store.now()))

    def append_events() -> None:
        for count in range(5):
            with suppress(ZeroDivisionError), store.write() as tx:
                append(tx, lock_order(tx, number), EventType.ORDER_CHANGED, "C1", store.now(), {"count": count})
                _ = 1 // (count - 3)

    run_concurrently(append_events)
    with store.read() as tx:
        assert [event.number for event in history(tx, number, 0, 100)] == list(range(1, 25))
        assert [event.number for event in history(tx, number, 20, 2)] == [21, 22]
