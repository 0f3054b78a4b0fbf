"""The moves of a settlement are made one by one, each once; a refund that one card refuses goes to the others."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.done_by_hand import CheckDoneByHandCommand, DoneByHandActivities
from activities.payments import SettlePriceDifferenceCommand
from activities.support.errors import AnswersDifferError
from domain.dual_control import DualControlPolicy
from domain.money import Money
from domain.moves import MoveState
from domain.refusals import PaymentRefused, RefundRefused, SecondPersonNeeded
from examples.fake_systems.bank import REFUSE_REFUND
from examples.providers.bank_payments import BankPayments
from providers.embedded.payments import EmbeddedPayments
from providers.errors import ProviderUnavailableError, RefundDeclinedError
from providers.payment_comparison import compare_books
from providers.protocols import Found, FoundState, RefundState
from store.changes import operator_statements
from store.changes.operator_statements import OperatorStatement
from store.database.store import Store
from store.orders import ledger
from store.orders.events import EventType, data_of, history
from store.orders.orders import lock_order
from store.tables import EmbeddedPaymentRow, FeeRow, MoveRow, PaymentRow
from tests.support.contexts import step_context
from tests.support.installation import prepare_database
from tests.support.postgres import new_database
from tests.support.refund_orders import Card, PaidOrder, paid_order
from tests.support.watched_bank import WatchedBank, provider_for

GOOD, REFUSES = "tok_ok", REFUSE_REFUND
SINCE = datetime(2027, 1, 1, tzinfo=UTC)
"""Since when a settlement is stuck."""


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
    """A provider whose answers to refunds, refusals too, are lost when a test says so."""

    external = True

    def __init__(self, provider: BankPayments) -> None:
        self.bank = provider
        self.authorise, self.void, self.capture = provider.authorise, provider.void, provider.capture
        self.lose: Callable[[str], bool] = lambda _key: False
        self.found: Callable[[Found], Found] = lambda found: found
        """What it answers to a look-up, given what its system has found."""

    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        try:
            return self.bank.refund(tenant, key, capture, amount)
        finally:
            if self.lose(key):
                raise ProviderUnavailableError

    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        return self.found(self.bank.find(tenant, key))


@dataclass
class External:
    """The fake bank over HTTP, and what the step asks of it."""

    bank: WatchedBank
    provider: LosesAnswers

    def calls(self, order: PaidOrder) -> list[str]:
        """Return what the bank was asked for in the settlement, without the step's own key."""
        return [each.replace(f"{order.key}/", "") for each in self.bank.calls if order.key in each]

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
    external.provider.found = lambda found: found


def be_down(_found: Found) -> Found:
    raise ProviderUnavailableError


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
    order = pay([(GOOD, 30000), (REFUSES, 10000)], 30000)
    result = order.settle()
    assert (result.refunded, result.refund_owed) == (Money(10000, "NOK"), None)
    assert order.refunded() == at_provider(store, external, order) == [10000, 0]
    assert order.entries() == [("refund", "0", 10000)]
    assert order.events() == [("refund_declined", "100.00"), ("payment_refunded", "100.00")]


def test_what_no_card_takes_is_owed_on_the_card_that_refused(store: Store, external: External, pay: Pay) -> None:
    order = pay([(REFUSES, 29900), (GOOD, 10000)], 0)
    result = order.settle()
    assert (result.refunded, result.refund_owed) == (Money(10000, "NOK"), Money(29900, "NOK"))
    assert order.refunded() == at_provider(store, external, order) == [0, 10000]
    assert order.refund_owed() == [29900, 0]
    assert order.entries() == [("refund", "1", 10000), ("owe", "0", 29900)]
    assert order.events() == [
        ("payment_refunded", "100.00"),
        ("refund_declined", "299.00"),
        ("refund_owed", "299.00"),
    ]
    assert order.settle() == result
    assert at_provider(store, external, order) == [0, 10000]


def test_only_a_part_of_what_a_card_bears_may_be_owed(store: Store, external: External, pay: Pay) -> None:
    order = pay([(GOOD, 5000), (REFUSES, 20000), (REFUSES, 9000), (GOOD, 1000)], 4000)
    order.settle()
    assert order.refunded() == at_provider(store, external, order) == [5000, 0, 0, 1000]
    assert order.refund_owed() == [0, 20000, 5000, 0]


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


def test_a_refund_of_unknown_outcome_is_found_and_not_made_again(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (REFUSES, 10000)], 0)

    external.provider.lose = lambda key: key.endswith("/2")
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    # The second refund was made, and its answer was lost.
    assert external.refunded(order) == [29900, 0]
    assert order.refunded() == [0, 0]
    external.provider.lose = lambda _key: False
    order.settle()
    assert external.calls(order) == ["refund 1", "refund 2", "find 2"]
    assert order.refunded() == external.refunded(order) == [29900, 0]
    assert order.refund_owed() == [0, 10000]


def test_moves_are_frozen_before_the_first_and_never_worked_out_again(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (GOOD, 10000)], 5000)
    external.provider.lose = _once_for_each_key()
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    # Meanwhile the price has changed, as by an operator: the moves have not.
    with store.write() as tx:
        tx.get_one(FeeRow, f"{order.number}/1").amount_minor = 1000
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    order.settle()
    assert external.calls(order) == ["refund 1", "find 1", "refund 2", "find 2"]
    assert order.refunded() == external.refunded(order) == [24900, 10000]


def test_a_worker_killed_before_the_decline_is_recorded_believes_it_once_nothing_is_found(
    store: Store, external: External, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (REFUSES, 10000)], 25000)

    class KilledError(BaseException):
        pass

    def killed(*_arguments: object, **_more: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("activities.support.move_runner.record_answer", killed)
        with pytest.raises(KilledError):
            order.settle()
    # Meanwhile the card would take it: under the same key it stays declined, or the money would move twice.
    external.bank.replace_card(order.cards[1], GOOD)
    order.settle()
    assert external.calls(order) == ["refund 1", "find 1", "refund 1", "find 1", "refund 2", "refund 3"]
    assert order.refunded() == external.refunded(order) == [14900, 0]


def test_a_decline_after_an_unknown_outcome_is_not_believed_while_the_provider_cannot_say(
    store: Store, external: External
) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (REFUSES, 10000)], 25000)
    external.provider.lose = _once_for_each_key()
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    external.provider.found = lambda _found: Found(FoundState.CANNOT_SAY)
    for _ in range(2):
        with pytest.raises(AnswersDifferError) as differ:
            order.settle()
        assert (differ.value.answered, differ.value.found) == ("REFUND_REFUSED", "cannot_say")
    assert order.refunded() == external.refunded(order) == [0, 0]
    with store.read() as tx:
        (both,) = [data_of(row) for row in history(tx, order.number, 0, 100) if row.type == "answers_differ"]
    assert both == {
        "step": "settle_price_difference",
        "key": f"{order.key}/1",
        "answered": "REFUND_REFUSED",
        "found": "cannot_say",
    }
    external.provider.lose, external.provider.found = lambda _key: False, lambda found: found
    order.settle()
    assert order.refunded() == external.refunded(order) == [14900, 0]


def test_a_provider_that_cannot_say_is_asked_again_under_the_same_key(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900)], 25000)
    external.provider.lose = _once_for_each_key()
    external.provider.found = lambda _found: Found(FoundState.CANNOT_SAY)
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    order.settle()
    assert external.calls(order) == ["refund 1", "find 1", "refund 1"]
    assert order.refunded() == external.refunded(order) == [4900]


def test_a_key_under_which_another_amount_was_moved_is_a_fault(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900)], 25000)
    external.provider.lose = _once_for_each_key()
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    external.provider.found = lambda found: replace(found, amount=Money(4800, "NOK"))
    with pytest.raises(AnswersDifferError):
        order.settle()
    assert order.refunded() == [0]


def test_a_refund_that_arrives_late_moves_nothing(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (REFUSES, 10000)], 25000)
    order.settle()
    for number in (1, 2, 3):
        with suppress(RefundDeclinedError):
            external.provider.refund("default", f"{order.key}/{number}", order.captures[0], Money(100, "NOK"))
    assert external.refunded(order) == [14900, 0]


def test_every_answer_that_is_lost_once_is_asked_for_again(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 20000), (REFUSES, 10000), (REFUSES, 5000)], 0)
    external.provider.lose = _once_for_each_key()
    for _ in range(3):
        with pytest.raises(ProviderUnavailableError):
            order.settle()
    order.settle()
    assert order.refunded() == external.refunded(order) == [20000, 0, 0]
    assert order.refund_owed() == [0, 10000, 5000]


def test_a_capture_that_was_done_by_hand_is_refunded_by_the_reference_that_is_found(
    store: Store, external: External
) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900)], 25000)
    with store.write() as tx:
        tx.get_one(PaymentRow, order.cards[0]).capture_reference = None
    order.settle()
    assert order.refunded() == external.refunded(order) == [4900]


def test_an_answer_that_comes_after_another_was_recorded_is_recorded_beside_it(
    store: Store, external: External
) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (GOOD, 10000)], 25000)
    decided: list[str] = []

    def meanwhile(key: str) -> bool:
        if key.endswith("/1") and not decided:
            decided.append(key)
            with store.write() as tx:
                tx.get_one(MoveRow, key).state = MoveState.REFUSED
        return False

    external.provider.lose = meanwhile
    with pytest.raises(AnswersDifferError):
        order.settle()
    assert order.entries() == []
    with store.read() as tx:
        (both,) = [data_of(row) for row in history(tx, order.number, 0, 100) if row.type == "answers_differ"]
    assert (both["answered"], both["found"]) == ("made", "refused")


def test_by_hand_is_stated_of_one_move_and_the_next_goes_to_the_provider(store: Store, external: External) -> None:
    order = paid_order(store, external.provider, [(GOOD, 29900), (GOOD, 10000)], 0)
    external.provider.lose, external.provider.found = lambda _key: True, be_down
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    stated = {"done_by_hand_reason": "refunded at the bank", "done_by_hand_by": ("al",)}
    # The attempt is retried with the same statement, which says nothing about the second move.
    for _ in range(2):
        with pytest.raises(ProviderUnavailableError):
            order.settle(**stated)
        assert order.refunded() == [0, 10000]
    external.provider.lose, external.provider.found = lambda _key: False, lambda found: found
    order.settle(**stated)
    assert order.refunded() == external.refunded(order) == [29900, 10000]


def state_by_hand(order: PaidOrder, actor: str, change: str | None = None) -> int:
    """Record that an operator refunded at the bank what has no answer; return the number of the event."""
    with order.store.write() as tx:
        row = lock_order(tx, order.number)
        about = (EventType.DONE_BY_HAND_STATED, SettlePriceDifferenceCommand.step, SINCE, actor, "refunded")
        statement = OperatorStatement(*about, f"{order.number} {actor} {row.last_event}")
        return operator_statements.record(tx, row, change or order.change, statement, order.store.now())


def attempt_by_hand(order: PaidOrder, *people: str) -> list[int]:
    """Retry the settlement with a statement, as Temporal does, while the bank is down; return what is refunded."""
    for _ in range(3):
        with suppress(ProviderUnavailableError):
            order.settle(done_by_hand_reason="refunded", done_by_hand_by=people)
    return order.refunded()


@pytest.fixture
def unanswered(store: Store, external: External) -> PaidOrder:
    """A settlement of two refunds, of which the bank answers none."""
    order = paid_order(store, external.provider, [(GOOD, 29900), (GOOD, 10000)], 0)
    external.provider.lose, external.provider.found = lambda _key: True, be_down
    with pytest.raises(ProviderUnavailableError):
        order.settle()
    return order


def test_a_statement_after_a_move_was_made_by_hand_is_about_the_next_one(unanswered: PaidOrder) -> None:
    state_by_hand(unanswered, "al")
    assert attempt_by_hand(unanswered, "al") == [0, 10000]
    state_by_hand(unanswered, "al")
    assert attempt_by_hand(unanswered, "al") == [29900, 10000]


def test_a_statement_on_another_change_says_nothing_of_this_one(unanswered: PaidOrder) -> None:
    state_by_hand(unanswered, "al")
    assert attempt_by_hand(unanswered, "al") == [0, 10000]
    state_by_hand(unanswered, "al", change="an earlier one")
    assert attempt_by_hand(unanswered, "al") == [0, 10000]


def test_one_move_that_is_stated_twice_is_one_move(unanswered: PaidOrder) -> None:
    for _ in range(2):
        state_by_hand(unanswered, "al")
    assert attempt_by_hand(unanswered, "al") == [0, 10000]


def test_a_statement_about_a_move_that_the_bank_made_meanwhile_is_not_about_the_next_one(
    external: External, unanswered: PaidOrder
) -> None:
    number = state_by_hand(unanswered, "al")
    external.provider.found = lambda found: found
    with pytest.raises(ProviderUnavailableError):
        unanswered.settle()
    assert unanswered.refunded() == [0, 10000]
    external.provider.found = be_down
    assert attempt_by_hand(unanswered, "al") == [0, 10000]
    assert accepted(unanswered, number) == ()


def test_what_two_people_stated_of_one_move_confirms_nothing_of_the_next_one(unanswered: PaidOrder) -> None:
    with pytest.raises(SecondPersonNeeded):
        accepted(unanswered, state_by_hand(unanswered, "al"))
    assert accepted(unanswered, state_by_hand(unanswered, "bo")) == ("bo", "al")
    assert attempt_by_hand(unanswered, "bo", "al") == [0, 10000]
    with pytest.raises(SecondPersonNeeded):
        accepted(unanswered, state_by_hand(unanswered, "al"))
    assert accepted(unanswered, state_by_hand(unanswered, "bo")) == ("bo", "al")


def accepted(order: PaidOrder, statement: int) -> tuple[str, ...]:
    """Return the operators whose statement counts, where each amount needs two people."""
    context = step_context(order.store, dual_control=DualControlPolicy(authentication_enabled=True))
    command = CheckDoneByHandCommand(
        change=order.change,
        order=order.number,
        stuck_step=SettlePriceDifferenceCommand.step,
        since=SINCE,
        statement_event=statement,
    )
    return DoneByHandActivities(context).check_done_by_hand(command).confirmed_by


def test_the_books_agree_on_an_authorisation_that_has_ended_by_itself(store: Store, external: External) -> None:
    order, bank = paid_order(store, external.provider, [], 5000), external.provider.bank
    key, amount = f"{order.number}/authorise_payment", Money(5000, "NOK")
    reference = bank.authorise("default", key, amount, "card", GOOD).reference
    with store.write() as tx:
        about = (key, "pay", amount, "card", reference, store.now())
        ledger.record_authorisation(tx, lock_order(tx, order.number), *about)
    external.bank.end_authorisation(key)
    with pytest.raises(PaymentRefused):
        order.settle()
    assert order.events() == [("authorisation_lost", "50.00")]
    assert key not in [each.payment for each in compare_books(store, bank, ["default"]).differences]


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
