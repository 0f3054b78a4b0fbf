"""Every pending refund is looked at within the hour, however many there are and whichever provider is down."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlmodel import col, select

from activities import pending_refunds
from activities.pending_refunds import PendingRefundActivities
from domain.money import Money
from domain.moves import MoveState
from providers.errors import PaymentDeclinedError, ProviderError, ProviderUnavailableError
from providers.protocols import Authorised, Found, FoundState, RefundState
from store.database.store import Store
from store.tables import MoveRow
from tests.support.contexts import step_context
from tests.support.installation import prepare_database
from tests.support.refund_orders import paid_order

# Which refunds are looked at does not depend on the database.
pytestmark = pytest.mark.only_on("sqlite")
PRICE = Money(29900, "NOK")


@pytest.fixture
def store(database_kind: str, tmp_path: Path) -> Iterator[Store]:
    with closing(Store(prepare_database(f"sqlite:///{tmp_path / database_kind}.db"))) as opened:
        yield opened


@dataclass
class Provider:
    """An external provider whose refunds are pending until they are looked at."""

    external = True
    found: list[str] = field(default_factory=list)
    down: dict[str, type[ProviderError]] = field(default_factory=dict)
    """The tenants whose accounts it does not reach, with its answer."""
    state: RefundState = RefundState.DONE

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        return Authorised(key)

    def void(self, tenant: str, key: str, reference: str | None, token: str | None = None) -> None:
        raise NotImplementedError

    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        return key

    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        return RefundState.PENDING

    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        self.found.append(key)
        if tenant in self.down:
            raise self.down[tenant]
        return Found(FoundState.REFUNDED, PRICE, refund=self.state)


def pending(store: Store) -> list[str]:
    with store.read() as tx:
        query = select(MoveRow.key).where(MoveRow.state == MoveState.PENDING)
        return list(tx.exec(query.order_by(col(MoveRow.key))))


def look(store: Store, provider: Provider, minute: int) -> None:
    """Look at pending refunds in one round, at a minute of the hour."""
    now = store.now().replace(minute=minute)
    store.now = lambda: now
    PendingRefundActivities(step_context(store, payments=provider)).check_pending_refunds()


def test_of_more_than_one_round_takes_each_has_its_turn_within_the_hour(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider(state=RefundState.PENDING)
    for _ in range(6):
        paid_order(store, provider, [("tok_ok", PRICE.minor)], 0).settle()
    monkeypatch.setattr(pending_refunds, "MAX_REFUNDS", 2)
    keys = pending(store)
    for minute in range(60):
        look(store, provider, minute)
    assert sorted(set(provider.found)) == keys


@pytest.mark.parametrize("answer", [ProviderUnavailableError, PaymentDeclinedError])
def test_a_tenant_whose_account_is_not_reached_does_not_hold_up_the_others(
    store: Store, answer: type[ProviderError]
) -> None:
    provider = Provider(down={"elsewhere": answer})
    for _ in range(4):
        paid_order(store, provider, [("tok_ok", PRICE.minor)], 0).settle()
    first, second, *others = pending(store)
    with store.write() as tx:
        for key in (first, second):
            tx.get_one(MoveRow, key).tenant = "elsewhere"
    look(store, provider, 0)
    assert pending(store) == [first, second]
    assert provider.found == [first, *others]
