"""The embedded inventory keeps stock as the rules say, however many requests come at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import Engine, event
from sqlmodel import select

from providers.contracts.assertions import new_key
from providers.embedded.inventory import EmbeddedInventory
from providers.errors import HoldIsGoneError, NoStockLeftError
from providers.protocols import HoldRequest, SeatRequest, StockRequest
from store.database.store import Store
from store.tables import ProductRow, StockHoldRow
from tests.providers.test_embedded import database_url, item, store, train

__all__ = ["database_url", "store"]  # fixtures

T, DAY, LIFE = "default", date(2027, 3, 1), timedelta(hours=1)


def bicycles(store: Store, capacity: int) -> StockRequest:
    """Return the request for one bicycle on a day, of an item with a capacity of its own."""
    return item(store, capacity, ProductRow, on_a_train=False)


def hold(store: Store, *requests: HoldRequest, until: datetime | None = None) -> list[str]:
    """Hold under a new key; return the references."""
    held = EmbeddedInventory(store).hold(T, new_key("reserve_seats"), requests, until or store.now() + LIFE)
    return [each.reference for each in held]


def units(store: Store, request: StockRequest) -> list[int]:
    """Return the numbers of the units that are held or sold."""
    with store.read() as tx:
        return sorted(tx.exec(select(StockHoldRow.unit).where(StockHoldRow.item == request.item)))


def set_capacity(store: Store, request: StockRequest, capacity: int) -> None:
    """Change the capacity of an item in the catalogue."""
    with store.write() as tx:
        row = tx.get_one(ProductRow, (T, request.item))
        row.document = row.document.replace('"capacity":', f'"capacity":{capacity},"was":')
        tx.add(row)


def test_fifty_at_once_get_as_many_units_as_there_are(store: Store) -> None:
    request = bicycles(store, 10)
    with ThreadPoolExecutor(8) as pool:
        attempts = [pool.submit(hold, store, request) for _ in range(50)]
    errors = [each.exception() for each in attempts]
    assert sum(each is None for each in errors) == 10
    assert {type(each) for each in errors if each} == {NoStockLeftError}
    assert units(store, request) == list(range(1, 11))


def test_requests_for_the_same_things_in_any_order_never_wait_for_each_other(store: Store) -> None:
    first, second = train(store, 20), train(store, 20)
    days = [bicycles(store, 20), bicycles(store, 20)]
    things: list[HoldRequest] = [SeatRequest(first, 1), SeatRequest(second, 1), *days]
    orders = list(permutations(things))[:20]
    with ThreadPoolExecutor(8) as pool:
        attempts = [pool.submit(hold, store, *requests) for requests in orders]
    assert [each.exception() for each in attempts] == [None] * len(orders)
    assert [units(store, each) for each in days] == [list(range(1, 21))] * 2


def test_a_lowered_capacity_keeps_what_is_held_and_counts_it(store: Store) -> None:
    request, inventory = bicycles(store, 4), EmbeddedInventory(store)
    one, two, three, four = [each for _ in range(4) for each in hold(store, request)]
    set_capacity(store, request, 2)
    inventory.confirm(T, "key", [three, four], [one])
    inventory.extend(T, [two], store.now() + 2 * LIFE)
    assert units(store, request) == [2, 3, 4]
    for given_up in (two, three):
        with pytest.raises(NoStockLeftError):
            hold(store, request)
        inventory.release_references(T, [given_up])
    hold(store, request)
    assert units(store, request) == [1, 4]
    assert inventory.free(T, [request], []) == [0]
    set_capacity(store, request, 1)
    assert inventory.free(T, [request], []) == [0]


def test_a_raised_capacity_makes_room(store: Store) -> None:
    request = bicycles(store, 1)
    hold(store, request)
    set_capacity(store, request, 2)
    hold(store, request)
    assert units(store, request) == [1, 2]


def test_two_days_and_two_services_have_a_capacity_each(store: Store) -> None:
    request = bicycles(store, 1)
    service = train(store, 0)
    places = [
        StockRequest(request.item, None, DAY, 1),
        StockRequest(request.item, None, DAY + timedelta(days=1), 1),
        StockRequest(request.item, service, None, 1),
        StockRequest(request.item, train(store, 0), None, 1),
    ]
    assert len(hold(store, *places)) == 4
    for place in places:
        with pytest.raises(NoStockLeftError) as refusal:
            hold(store, place)
        assert refusal.value.members[0]["product"] == request.item
    assert EmbeddedInventory(store).free(T, places, []) == [0, 0, 0, 0]


def test_an_item_that_is_unknown_or_has_no_capacity_is_an_error_of_ours(store: Store) -> None:
    with pytest.raises(LookupError, match="no capacity"):
        hold(store, StockRequest("no-such-item", None, DAY, 1))
    service = train(store, 1)
    with pytest.raises(LookupError, match="no capacity"):
        hold(store, SeatRequest(service, 1), StockRequest("nova_zurichcard24", service, None, 1))
    assert EmbeddedInventory(store).free(T, [SeatRequest(service, 1)], []) == [1]
    assert EmbeddedInventory(store).free(T, [StockRequest("no-such-item", None, DAY, 1)], []) == [None]


def test_stock_on_an_unknown_service_is_refused(store: Store) -> None:
    request = bicycles(store, 1)
    with pytest.raises(NoStockLeftError):
        hold(store, StockRequest(request.item, "no-such-service", None, 1))


def test_an_overdue_hold_on_one_thing_frees_it_alone(store: Store) -> None:
    one, other = bicycles(store, 1), bicycles(store, 1)
    overdue = hold(store, one, other, until=store.now())
    hold(store, one)
    inventory = EmbeddedInventory(store)
    with pytest.raises(HoldIsGoneError):
        inventory.extend(T, overdue, store.now() + LIFE)
    inventory.extend(T, overdue[1:], store.now() + LIFE)
    with pytest.raises(NoStockLeftError):
        hold(store, other)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Record the statements of one of a store's engines within the block."""
    executed: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        executed.append(statement)

    event.listen(engine, "before_cursor_execute", record)
    yield executed
    event.remove(engine, "before_cursor_execute", record)


def test_what_concerns_seats_only_runs_no_statement_for_stock(store: Store) -> None:
    inventory, service = EmbeddedInventory(store), train(store, 4)
    with statements(store._writer) as executed:  # noqa: SLF001 - the store does not show its engines
        old, new = hold(store, SeatRequest(service, 2))
        inventory.extend(T, [old, new], store.now() + LIFE)
        inventory.confirm(T, "key", [new], [old])
        inventory.release_references(T, [new])
    assert not [each for each in executed if "stock_holds" in each]
    assert len([each for each in executed if "seat_holds" in each]) == 8


def test_one_statement_says_what_is_free_of_everything(store: Store) -> None:
    services, items = [train(store, 2) for _ in range(3)], [bicycles(store, 3) for _ in range(3)]
    requests: list[HoldRequest] = [*(SeatRequest(each, 1) for each in services), *items]
    with statements(store._reader) as executed:  # noqa: SLF001 - the store does not show its engines
        assert EmbeddedInventory(store).free(T, requests, []) == [2, 2, 2, 3, 3, 3]
    assert len([each for each in executed if "FROM services" in each or "stock_holds" in each]) == 1


@pytest.mark.only_on("sqlite")  # PostgreSQL chooses an index only once the table is large
def test_units_are_found_by_an_index(store: Store) -> None:
    request = bicycles(store, 3)
    with statements(store._writer) as executed:  # noqa: SLF001 - the store does not show its engines
        (reference,) = hold(store, request)
        inventory = EmbeddedInventory(store)
        inventory.confirm(T, "key", [reference], [reference])
        inventory.release(T, "key")
    with statements(store._reader) as read:  # noqa: SLF001 - as above
        inventory.free(T, [request], [reference])
    executed += read
    for statement in (each for each in executed if "stock_holds" in each and not each.startswith("INSERT")):
        with store.read() as tx:
            plan = tx.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("x",) * statement.count("?"))
            found = [row.detail for row in plan if "stock_holds" in row.detail]
            assert all("SEARCH" in each and not each.endswith("(tenant=?)") for each in found), found
