"""The embedded providers fulfil their contracts on both databases.

Two rules hold for external providers only: a late call under a withdrawn key, and a repeated key. For an embedded
provider the step guarantees both: tests/guarantees/test_steps.py and tests/activities/test_step_executor.py.
"""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from activities.payments import SettlePriceDifferenceCommand
from domain.money import Money
from domain.products import Product, Supplement
from providers.contracts import (
    InventoryContract,
    InventoryUnderTest,
    OffersContract,
    OffersUnderTest,
    PaymentsContract,
    PaymentsUnderTest,
)
from providers.embedded.inventory import EmbeddedInventory
from providers.embedded.offers import EmbeddedOffers
from providers.embedded.payments import (
    ACTION_REQUIRED,
    DECLINE,
    REFUSE_CAPTURE,
    REFUSE_REFUND,
    EmbeddedPayments,
)
from providers.errors import NoSeatsLeftError, NoStockLeftError
from providers.protocols import HeldSeat, HoldRequest, SeatRequest, StockRequest
from store.changes import step_records
from store.changes.new_records import NewRecord
from store.database.store import Store, utc_now
from store.orders import reservations
from store.tables import OrderRow, ProductRow, SeatRow, ServiceRow, SupplementRow
from tests.support.installation import prepare_database
from tests.support.postgres import new_database

FREE = Money(0, "NOK")
COMMON: dict[str, Any] = {"name": "Item", "tax_rate": Decimal("0.12")}


@pytest.fixture(scope="module")
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of its own: seats that contract tests leave held belong to no order."""
    if database_kind == "sqlite":
        return prepare_database(f"sqlite:///{tmp_path_factory.mktemp('contracts') / 'changeover.db'}")
    name = request.module.__name__.rpartition(".")[2]
    return prepare_database(new_database(request.getfixturevalue("postgres_url"), name))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    yield opened
    opened.close()


def train(store: Store, seats: int) -> str:
    """Add a departure with this many seats; return its id."""
    departs, service = utc_now() + timedelta(days=30), f"T{uuid.uuid4().hex[:8]}"
    with store.write() as tx:
        tx.add(ServiceRow(tenant="default", id=service, railway_line="north", departs_at=departs, day=departs.date()))
        for seat in range(1, seats + 1):
            tx.add(SeatRow(tenant="default", service=service, coach=1, seat=seat, row=(seat - 1) // 4))
    return service


def item(
    store: Store, capacity: int, kind: type[ProductRow] | type[SupplementRow], *, on_a_train: bool
) -> StockRequest:
    """Add a product or supplement with a capacity; return a request for one unit of it, on a departure or a day."""
    name = f"I{uuid.uuid4().hex[:8]}"
    sold: dict[type, Product | Supplement] = {
        ProductRow: Product(currency="NOK", prices=(), change_fee=FREE, id=name, **COMMON, capacity=capacity),
        SupplementRow: Supplement(price=FREE, changes_seating=False, id=name, **COMMON, capacity=capacity),
    }
    with store.write() as tx:
        tx.add(kind(tenant="default", id=name, document=sold[kind].model_dump_json()))
    if on_a_train:
        return StockRequest(name, train(store, 0), None, 1)
    return StockRequest(name, None, utc_now().date(), 1)


class TestEmbeddedInventory(InventoryContract):
    @pytest.fixture(params=[(ProductRow, False), (SupplementRow, True)], ids=["on a day", "on a train"])
    def inventory(self, store: Store, request: pytest.FixtureRequest) -> InventoryUnderTest:
        kind, on_a_train = request.param

        def wait(life: timedelta) -> None:
            before = store.now
            store.now = lambda: before() + life

        return InventoryUnderTest(
            EmbeddedInventory(store),
            partial(train, store),
            wait,
            partial(item, store, kind=kind, on_a_train=on_a_train),
            now=lambda: store.now(),  # noqa: PLW0108 - the test moves the clock
        )


class TestEmbeddedOffers(OffersContract):
    @pytest.fixture(params=["on a train", "without a departure"])
    def offers(self, store: Store, request: pytest.FixtureRequest) -> OffersUnderTest:
        if request.param == "on a train":
            return OffersUnderTest(EmbeddedOffers(store), "standard", train(store, 1))
        return OffersUnderTest(EmbeddedOffers(store), "nova_zurichcard24")


class TestEmbeddedPayments(PaymentsContract):
    @pytest.fixture
    def payments(self, store: Store) -> PaymentsUnderTest:
        tokens = ("tok_ok", DECLINE, REFUSE_CAPTURE, REFUSE_REFUND)
        return PaymentsUnderTest(EmbeddedPayments(store), *tokens, action_required=ACTION_REQUIRED)


@pytest.mark.parametrize("kind", ["seat", "unit"])
def test_what_an_order_holds_lapses_unless_its_settlement_is_under_way(store: Store, kind: str) -> None:
    inventory, number, change = EmbeddedInventory(store), f"96-{uuid.uuid4().hex[:8]}", str(uuid.uuid4())
    supply: HoldRequest = SeatRequest(train(store, 1), 1)
    if kind == "unit":
        supply = item(store, 1, ProductRow, on_a_train=False)
    key, command = f"{change}/reserve_seats", SettlePriceDifferenceCommand(change=change, order=number)
    ended = store.now() - timedelta(minutes=1)
    (held,) = inventory.hold("default", key, [supply], ended)
    with store.write() as tx:
        order = OrderRow(tenant="default", number=number, currency="NOK", created_at=store.now())
        tx.add(order)
        tx.flush()
        reservations.record_held(tx, order, "", key, [asdict(held)], ended)
        step_records.record_started(tx, "default", NewRecord(command), store.now())
    assert inventory.free("default", [supply], []) == [0]
    with pytest.raises((NoSeatsLeftError, NoStockLeftError)):
        inventory.hold("default", "rival/reserve_seats", [supply], store.now() + timedelta(hours=1))
    with store.write() as tx:
        step_records.finish(tx, command.key, None, '{"code": "PAYMENT_REFUSED", "members": []}', store.now())
    assert inventory.free("default", [supply], []) == [1]
    assert inventory.hold("default", f"{uuid.uuid4()}/reserve_seats", [supply], store.now() + timedelta(hours=1))


@pytest.mark.only_on("postgres")  # SQLite has one writer at a time
def test_an_overdue_hold_that_its_order_extends_at_the_moment_is_waited_for_by_nobody(database_url: str) -> None:
    """It would wait for the order, which may wait for the service: one of the two transactions would have to end."""
    store = Store(database_url)
    inventory, train = EmbeddedInventory(store), f"T-{uuid.uuid4().hex[:8]}"
    with store.write() as tx:
        departs = store.now() + timedelta(days=3)
        tx.add(ServiceRow(tenant="t", id=train, railway_line="north", departs_at=departs, day=departs.date()))
        tx.add_all([SeatRow(tenant="t", service=train, coach=1, seat=seat, row=0) for seat in (1, 2)])
    (overdue,) = inventory.hold("t", f"{train}/first", [SeatRequest(train, 1)], store.now() - timedelta(minutes=1))
    until = store.now() + timedelta(minutes=5)
    with store.write(), ThreadPoolExecutor(1) as other:
        inventory.extend("t", [overdue.reference], until)
        held = other.submit(inventory.hold, "t", f"{train}/second", [SeatRequest(train, 1)], until).result(timeout=2)
    assert isinstance(overdue, HeldSeat)
    assert [each.seat for each in held if isinstance(each, HeldSeat)] == [3 - overdue.seat]
    store.close()
