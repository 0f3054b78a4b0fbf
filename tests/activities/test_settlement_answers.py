"""What a settlement makes of answers that a provider must not give: what moved is never answered as a refusal."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from activities.support.errors import RefusedTooLateError
from domain.money import Money
from domain.refusals import RefundRefused
from domain.settlement import Payment
from providers.errors import (
    AuthorisationEndedError,
    PaymentDeclinedError,
    ProviderError,
    ProviderUnavailableError,
    RefundDeclinedError,
)
from providers.protocols import Authorised, Found, FoundState, RefundState
from store.database.store import Store
from store.orders import ledger
from store.orders.orders import lock_order
from tests.support.installation import prepare_database
from tests.support.postgres import new_database
from tests.support.refund_orders import PaidOrder, paid_order


@pytest.fixture(scope="module")
def store(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A database of its own: these orders have no lines."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('answers') / 'changeover.db'}"
    else:
        url = new_database(request.getfixturevalue("postgres_url"), "answers")
    opened = Store(prepare_database(url))
    yield opened
    opened.close()


def agree(_key: str) -> None:
    """Do as requested."""


@dataclass
class Provider:
    """An external provider that knows what it did under each key, and fails as a test says."""

    external = True
    captured: dict[str, Money] = field(default_factory=dict)
    refunded: dict[str, Money] = field(default_factory=dict)
    voided: list[str] = field(default_factory=list)
    before_void: Callable[[str], None] = agree
    before_find: Callable[[str], None] = agree
    after_capture: Callable[[str], None] = agree
    refunds: RefundState = RefundState.DONE

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        return Authorised(key)

    def void(self, tenant: str, key: str, reference: str | None, token: str | None = None) -> None:
        self.before_void(key)
        self.voided.append(key)

    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        self.captured.setdefault(key, amount)
        self.after_capture(key)
        return key

    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        self.refunded.setdefault(key, amount)
        return self.refunds

    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        self.before_find(key)
        if key in self.captured:
            return Found(FoundState.CAPTURED, self.captured[key], key)
        if key in self.refunded:
            return Found(FoundState.REFUNDED, self.refunded[key], refund=self.refunds)
        return Found(FoundState.NOTHING)


def dearer_order(store: Store, provider: Provider, authorised: list[int], due: int) -> PaidOrder:
    """Return an order of which nothing is paid, with amounts that are set aside for what it costs."""
    order = paid_order(store, provider, [], due)
    order.cards += [f"{uuid.uuid4()}/authorise_payment" for _ in authorised]
    with store.write() as tx:
        row = lock_order(tx, order.number)
        for key, minor in zip(order.cards, authorised, strict=True):
            ledger.record_authorisation(tx, row, key, "pay", Money(minor, "NOK"), "card", key, store.now())
    return order


def captured(payments: list[Payment]) -> list[int]:
    return [each.captured.minor for each in payments]


REFUSALS = pytest.mark.parametrize("refusal", [PaymentDeclinedError, AuthorisationEndedError, RefundDeclinedError])


def always(error: type[ProviderError]) -> Callable[[str], None]:
    def fail(_key: str) -> None:
        raise error

    return fail


@REFUSALS
def test_a_void_that_is_refused_after_a_capture_does_not_refuse_the_settlement(
    store: Store, refusal: type[ProviderError]
) -> None:
    provider = Provider(before_void=always(refusal))
    order = dearer_order(store, provider, [5000, 3000], 5000)
    for _ in range(2):
        with pytest.raises(RefusedTooLateError):
            order.settle()
    assert captured(order.payments()) == [5000, 0]
    provider.before_void = agree
    assert order.settle().captured == Money(5000, "NOK")
    assert (list(provider.captured.values()), provider.voided) == ([Money(5000, "NOK")], [order.cards[1]])


@REFUSALS
def test_a_look_up_that_answers_a_refusal_does_not_refuse_what_was_captured(
    store: Store, refusal: type[ProviderError]
) -> None:
    provider = Provider(after_capture=always(ProviderUnavailableError))
    order = dearer_order(store, provider, [5000], 5000)
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    provider.before_find = always(refusal)
    with pytest.raises(RefusedTooLateError):
        order.settle()
    provider.before_find = agree
    assert order.settle().captured == Money(5000, "NOK")
    assert captured(order.payments()) == [5000]


def test_a_refund_that_is_answered_as_failed_is_not_entered_as_paid_back(store: Store) -> None:
    provider = Provider(refunds=RefundState.FAILED)
    order = paid_order(store, provider, [("tok_ok", 29900)] * 2, 29900)
    before = order.payments()
    with pytest.raises(RefundRefused):
        order.settle()
    assert order.payments() == before
