"""The embedded providers fulfil their contracts on both databases.

Two rules hold for external providers only: a late call under a withdrawn key, and a repeated key. For an embedded
provider the step guarantees both: tests/guarantees/test_steps.py and tests/activities/test_step_executor.py.
"""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from providers.contracts import (
    OffersContract,
    OffersUnderTest,
    PaymentsContract,
    PaymentsUnderTest,
    SeatsContract,
    SeatsUnderTest,
)
from providers.embedded.offers import EmbeddedOffers
from providers.embedded.payments import DECLINE, REFUSE_CAPTURE, REFUSE_REFUND, EmbeddedPayments
from providers.embedded.seats import EmbeddedSeats
from store.database.store import Store, utc_now
from store.tables import SeatRow, ServiceRow
from tests.support.installation import prepare_database
from tests.support.postgres import new_database


@pytest.fixture(scope="module")
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of its own: seats that contract tests leave held belong to no order."""
    if database_kind == "sqlite":
        return prepare_database(f"sqlite:///{tmp_path_factory.mktemp('contracts') / 'changeover.db'}")
    return prepare_database(new_database(request.getfixturevalue("postgres_url"), "contracts"))


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


class TestEmbeddedSeats(SeatsContract):
    @pytest.fixture
    def seats(self, store: Store) -> SeatsUnderTest:
        def wait(life: timedelta) -> None:
            before = store.now
            store.now = lambda: before() + life

        add_departure = partial(train, store)
        return SeatsUnderTest(EmbeddedSeats(store), add_departure, wait, now=lambda: store.now())  # noqa: PLW0108 - the test moves the clock


class TestEmbeddedOffers(OffersContract):
    @pytest.fixture(params=["on a train", "without a departure"])
    def offers(self, store: Store, request: pytest.FixtureRequest) -> OffersUnderTest:
        if request.param == "on a train":
            return OffersUnderTest(EmbeddedOffers(store), "standard", train(store, 1))
        return OffersUnderTest(EmbeddedOffers(store), "nova_zurichcard24")


class TestEmbeddedPayments(PaymentsContract):
    @pytest.fixture
    def payments(self, store: Store) -> PaymentsUnderTest:
        return PaymentsUnderTest(EmbeddedPayments(store), "tok_ok", DECLINE, REFUSE_CAPTURE, REFUSE_REFUND)
