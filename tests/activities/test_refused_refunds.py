"""A refund that one card refuses goes to the others; one settlement is made, whatever fails between its attempts."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.money import Money
from domain.refusals import RefundRefused
from domain.settlement import Move
from examples.fake_systems.bank import REFUSE_REFUND
from providers.embedded.payments import EmbeddedPayments
from providers.errors import ProviderUnavailableError, RefundDeclinedError
from providers.protocols import PaymentProvider
from store.database.store import Store
from store.tables import EmbeddedPaymentRow
from tests.support.installation import prepare_database
from tests.support.postgres import new_database
from tests.support.refund_orders import Card, PaidOrder, paid_order
from tests.support.watched_bank import WatchedBank, provider_for

GOOD, REFUSES = "tok_ok", REFUSE_REFUND


@pytest.fixture(scope="module")
def store(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A database of its own: these orders have no lines."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('refunds') / 'changeover.db'}"
    else:
        url = new_database(request.getfixturevalue("postgres_url"), "refunds")
    opened = Store(prepare_database(url))
    yield opened
    opened.close()


class LosesAnswers:
    """A provider whose answers, refusals too, are lost when a test says so."""

    external = True

    def __init__(self, provider: PaymentProvider) -> None:
        self._provider = provider
        self.authorise, self.void = provider.authorise, provider.void
        self.lose: Callable[[str], bool] = lambda _key: False

    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        try:
            self._provider.settle(tenant, key, moves)
        finally:
            if self.lose(key):
                raise ProviderUnavailableError


@dataclass
class External:
    """The fake bank over HTTP, and what the step asks of it."""

    bank: WatchedBank
    provider: LosesAnswers

    def settlements(self, order: PaidOrder) -> list[str]:
        """Return the keys under which the bank was asked to settle, without the step's own."""
        calls = [each.removeprefix("settle ") for each in self.bank.calls if each.startswith(f"settle {order.key}")]
        return [each.removeprefix(order.key) for each in calls]

    def refunded(self, order: PaidOrder) -> list[int]:
        return [self.bank.accounts[key].refunded for key in order.cards]


@pytest.fixture(scope="module")
def external() -> Iterator[External]:
    bank = WatchedBank()
    with provider_for(bank) as provider:
        yield External(bank, LosesAnswers(provider))


@pytest.fixture(autouse=True)
def _quiet(external: External) -> Iterator[None]:
    yield
    external.provider.lose = lambda _key: False


Pay = Callable[[Sequence[Card], int], PaidOrder]


@pytest.fixture(params=["embedded", "external"])
def pay(store: Store, external: External, request: pytest.FixtureRequest) -> Pay:
    provider = EmbeddedPayments(store) if request.param == "embedded" else external.provider
    return lambda cards, due: paid_order(store, provider, cards, due)


def at_provider(store: Store, external: External, order: PaidOrder) -> list[int]:
    """Return what the provider's own records say was refunded to each card."""
    if order.provider.external:
        return external.refunded(order)
    with store.read() as tx:
        return [tx.get_one(EmbeddedPaymentRow, key).refunded_minor for key in order.cards]


def test_a_refund_that_the_newest_card_refuses_goes_to_the_older_one(
    store: Store, external: External, pay: Pay
) -> None:
    order = pay([(GOOD, 30000), (REFUSES, 10000)], 20000)
    result = order.settle()
    assert (result.refunded, result.refund_owed) == (Money(20000, "NOK"), None)
    assert order.refunded() == at_provider(store, external, order) == [20000, 0]
    assert order.entries() == [("refund", "0", 20000)]
    assert order.events() == [("refund_declined", "100.00"), ("payment_refunded", "200.00")]


def test_what_no_card_takes_is_owed_on_the_card_that_refused(store: Store, external: External, pay: Pay) -> None:
    order = pay([(REFUSES, 29900), (GOOD, 10000)], 0)
    result = order.settle()
    assert (result.refunded, result.refund_owed) == (Money(10000, "NOK"), Money(29900, "NOK"))
    assert order.refunded() == at_provider(store, external, order) == [0, 10000]
    assert order.refund_owed() == [29900, 0]
    assert order.entries() == [("owe", "0", 29900), ("refund", "1", 10000)]
    assert order.events() == [
        ("refund_declined", "299.00"),
        ("payment_refunded", "100.00"),
        ("refund_owed", "299.00"),
    ]
    assert order.settle() == result
    assert at_provider(store, external, order) == [0, 10000]


def test_only_a_part_of_what_a_card_bears_may_be_owed(store: Store, external: External, pay: Pay) -> None:
    order = pay([(GOOD, 5000), (REFUSES, 20000), (REFUSES, 9000), (GOOD, 1000)], 4000)
    order.settle()
    assert order.refunded() == at_provider(store, external, order) == [5000, 0, 0, 1000]
    assert order.refund_owed() == [0, 16000, 9000, 0]


def test_a_refund_that_every_card_refuses_is_refused_and_nothing_has_changed(
    store: Store, external: External, pay: Pay
) -> None:
    order = pay([(REFUSES, 29900), (REFUSES, 10000)], 5000)
    before = order.payments()
    for _ in range(2):
        with pytest.raises(RefundRefused):
            order.settle()
    assert order.payments() == before
    assert at_provider(store, external, order) == [0, 0]
    assert order.entries() == []


def test_two_attempts_at_once_make_one_settlement(store: Store, external: External, pay: Pay) -> None:
    order = pay([(GOOD, 29900), (REFUSES, 10000)], 5000)
    with ThreadPoolExecutor(2) as pool:
        results = [each.result() for each in [pool.submit(order.settle) for _ in range(2)]]
    assert results[0] == results[1]
    assert order.refunded() == at_provider(store, external, order) == [29900, 0]
    assert [kind for kind, _ in order.events()].count("refund_declined") == 1


def test_a_worker_killed_between_the_attempts_goes_on_with_the_second(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (REFUSES, 10000)], 0)

    external.provider.lose = lambda key: key.endswith("/2")
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    # The second attempt was made, and nobody heard of it.
    assert external.refunded(order) == [29900, 0]
    assert order.refunded() == [0, 0]
    external.provider.lose = lambda _key: False
    order.settle()
    assert external.settlements(order) == ["", "/2", "/2"]
    assert order.refunded() == external.refunded(order) == [29900, 0]
    assert order.refund_owed() == [0, 10000]


def test_a_worker_killed_before_the_decline_is_recorded_hears_it_again(
    store: Store, external: External, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (REFUSES, 10000)], 5000)

    class KilledError(BaseException):
        pass

    def killed(*_arguments: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("activities.payments.record_declined", killed)
        with pytest.raises(KilledError):
            order.settle()
    # Meanwhile the card would take it: under the same key it stays declined, or the money would move twice.
    external.bank.accounts[order.cards[1]].token = GOOD
    order.settle()
    assert external.settlements(order) == ["", "", "/2"]
    assert order.refunded() == external.refunded(order) == [29900, 0]


def test_a_card_that_takes_refunds_again_meanwhile_does_not_change_the_attempt(
    store: Store, external: External
) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (REFUSES, 10000)], 0)
    external.provider.lose = _once_for_each_key()
    for _ in range(2):
        with pytest.raises(ProviderUnavailableError):
            order.settle()
    external.bank.accounts[order.cards[1]].token = GOOD
    order.settle()
    assert order.refunded() == external.refunded(order) == [29900, 0]
    assert order.refund_owed() == [0, 10000]


def test_an_attempt_that_arrives_late_moves_nothing(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (REFUSES, 10000)], 5000)
    order.settle()
    late = Move(kind="refund", payment=order.cards[0], amount=Money(100, "NOK"))
    for key in (order.key, f"{order.key}/2"):
        try:
            external.provider.settle("default", key, [late])
        except RefundDeclinedError:
            assert key == order.key
    assert external.refunded(order) == [29900, 0]


def test_every_answer_that_is_lost_once_is_asked_for_again(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 20000), (REFUSES, 10000), (REFUSES, 5000)], 0)
    external.provider.lose = _once_for_each_key()
    for _ in range(3):
        with pytest.raises(ProviderUnavailableError):
            order.settle()
    order.settle()
    assert external.settlements(order) == ["", "", "/2", "/2", "/3", "/3"]
    assert order.refunded() == external.refunded(order) == [20000, 0, 0]
    assert order.refund_owed() == [0, 10000, 5000]


def test_an_attempt_done_by_hand_leaves_out_the_cards_that_refused(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (REFUSES, 10000)], 0)

    external.provider.lose = lambda key: key.endswith("/2")
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    order.settle(done_by_hand_reason="refunded at the bank", done_by_hand_by=("al",))
    assert (order.refunded(), order.refund_owed()) == ([29900, 0], [0, 10000])


@dataclass
class NamesAnother:
    """A provider that names a payment to which nothing is refunded."""

    external: bool
    named: str = "another"
    calls: list[str] = field(default_factory=list)

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
        return key

    def void(self, tenant: str, key: str) -> None:
        pass

    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        self.calls.append(key)
        if any(each.kind == "refund" for each in moves):
            raise RefundDeclinedError(self.named)


@pytest.mark.parametrize("is_external", [False, True])
def test_a_decline_of_a_payment_that_gets_no_refund_is_a_refusal_of_all(store: Store, *, is_external: bool) -> None:
    provider = NamesAnother(is_external)
    order = paid_order(store, provider, [(GOOD, 29900), (GOOD, 10000)], 0)
    with pytest.raises(RefundRefused):
        order.settle()
    assert len(provider.calls) == 2
    assert order.refunded() == [0, 0]


cards = st.lists(st.tuples(st.sampled_from([GOOD, REFUSES]), st.integers(1, 9_000)), min_size=1, max_size=4)


@pytest.mark.only_on("sqlite")  # the arithmetic does not depend on the database
@given(cards, st.integers(0, 36_000))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_cards_that_take_refunds_take_all_they_bear_and_the_rest_is_owed(
    store: Store, paid_with: list[Card], to_pay_back: int
) -> None:
    total = sum(amount for _, amount in paid_with)
    to_pay_back = min(to_pay_back, total)
    order = paid_order(store, EmbeddedPayments(store), paid_with, total - to_pay_back)
    taken = _by_newest_first(paid_with, to_pay_back)
    if to_pay_back and not any(taken):
        with pytest.raises(RefundRefused):
            order.settle()
        return
    order.settle()
    assert order.refunded() == taken
    assert sum(order.refund_owed()) == to_pay_back - sum(taken)
    assert all(not owing for owing, (token, _) in zip(order.refund_owed(), paid_with, strict=True) if token == GOOD)


def _by_newest_first(paid_with: list[Card], to_pay_back: int) -> list[int]:
    taken = [0] * len(paid_with)
    for number in reversed(range(len(paid_with))):
        token, amount = paid_with[number]
        taken[number] = min(amount, to_pay_back) if token == GOOD else 0
        to_pay_back -= taken[number]
    return taken


def _once_for_each_key() -> Callable[[str], bool]:
    lost: set[str] = set()

    def is_first(key: str) -> bool:
        first = key not in lost
        lost.add(key)
        return first

    return is_first
