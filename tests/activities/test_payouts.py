"""A refund that no card took is owed until an operator states that it was paid; above a limit two people must."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import col, update

from activities.payouts import RECORD_PAYOUT, RecordPayoutCommand
from activities.support.step_executor import StepExecutor
from domain.changes import ChangeKind, ChangeState, OrderSummary, Outcome
from domain.dual_control import DualControlPolicy
from domain.money import Money, zero
from domain.refusals import NothingToPayOut, PayoutDiffers, Refusal, SecondPersonNeeded
from domain.settlement import unpaid_refunds
from providers.embedded.payments import REFUSE_REFUND, EmbeddedPayments
from store.changes import changes
from store.database.store import Store
from store.orders.events import data_of, history
from store.tables import LedgerRow
from tests.support.contexts import step_context
from tests.support.installation import prepare_database
from tests.support.postgres import new_database
from tests.support.refund_orders import PaidOrder, paid_order, record_request

NO_LIMIT, LIMIT = DualControlPolicy(), DualControlPolicy(authentication_enabled=True, up_to={"NOK": 20_000})
PAID = "bank transfer, ticket 4711"


@pytest.fixture(scope="module")
def store(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A database of its own: these orders have no lines."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('payouts') / 'changeover.db'}"
    else:
        url = new_database(request.getfixturevalue("postgres_url"), "payouts")
    opened = Store(prepare_database(url))
    yield opened
    opened.close()


@pytest.fixture
def order(store: Store) -> PaidOrder:
    """An order that owes 299.00 of its refund, on two cards."""
    cards = [(REFUSE_REFUND, 19900), (REFUSE_REFUND, 10000), ("tok_ok", 5000)]
    settled = paid_order(store, EmbeddedPayments(store), cards, 0)
    settled.settle()
    return settled


def pay_out(order: PaidOrder, amount: int = 29900, client: str = "", policy: DualControlPolicy = NO_LIMIT) -> str:
    """Record a payout as a client's request would; return the request's id. Raises what it is refused with."""
    store = order.store
    change = record_request(
        store, order.number, ChangeKind.PAYOUT, client, amount=Money(amount, "NOK"), reason=f"{PAID} by {client}"
    )
    executor = StepExecutor(step_context(store, dual_control=policy))
    command = RecordPayoutCommand(change=change, order=order.number)
    try:
        for _ in range(2):  # a step whose result was lost is run again
            assert RECORD_PAYOUT.execute(executor, command).paid_out == Money(amount, "NOK")
    except Refusal as refusal:
        _end(store, order.number, change, refusal.code)
        raise
    return change


def _end(store: Store, order: str, change: str, code: str) -> None:
    nothing = zero("NOK")
    summary = OrderSummary(
        number=order,
        status="confirmed",
        version=1,
        currency="NOK",
        balance=nothing,
        total=nothing,
        expires_at=None,
        last_event=1,
        draft=False,
    )
    with store.write() as tx:
        changes.end(tx, change, Outcome(state=ChangeState.REFUSED, code=code, order=summary), store.now())


def unpaid(order: PaidOrder) -> int:
    return unpaid_refunds(order.payments(), "NOK").minor


def events_of(order: PaidOrder) -> list[dict[str, object]]:
    with order.store.read() as tx:
        rows = history(tx, order.number, 0, 100)
        return [data_of(row) for row in rows if row.type == "refund_paid_by_hand"]


def test_a_refund_owed_is_settled_once_it_is_paid_by_hand(order: PaidOrder) -> None:
    assert unpaid(order) == 29900
    pay_out(order)
    assert unpaid(order) == 0
    assert [each.paid_out.minor for each in order.payments()] == [19900, 10000, 0]
    (event,) = events_of(order)
    assert event == {"amount": "299.00", "currency": "NOK", "actor": "local"}
    with pytest.raises(NothingToPayOut):
        pay_out(order)


@pytest.mark.parametrize("amount", [29899, 29901, 19900])
def test_only_all_that_is_owed_is_recorded_as_paid(order: PaidOrder, amount: int) -> None:
    with pytest.raises(PayoutDiffers) as refused:
        pay_out(order, amount)
    assert refused.value.members == ({"amount": "299.00", "currency": "NOK"},)
    assert unpaid(order) == 29900


def test_above_the_limit_a_second_person_states_the_same(order: PaidOrder) -> None:
    for client in ("al", "al", "", "temporal"):
        with pytest.raises(SecondPersonNeeded):
            pay_out(order, client=client, policy=LIMIT)
    assert unpaid(order) == 29900
    pay_out(order, client="bo", policy=LIMIT)
    assert unpaid(order) == 0
    (event,) = events_of(order)
    assert (event["actor"], event["confirmed_by"]) == ("bo", ["al"])


def test_up_to_the_limit_one_person_states_it_alone(store: Store) -> None:
    order = paid_order(store, EmbeddedPayments(store), [(REFUSE_REFUND, 20000), ("tok_ok", 100)], 0)
    order.settle()
    pay_out(order, 20000, client="al", policy=LIMIT)
    assert unpaid(order) == 0


def test_a_statement_lapses_after_an_hour(order: PaidOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SecondPersonNeeded):
        pay_out(order, client="al", policy=LIMIT)
    later = order.store.now() + timedelta(minutes=61)
    monkeypatch.setattr(order.store, "now", lambda: later)
    with pytest.raises(SecondPersonNeeded):
        pay_out(order, client="bo", policy=LIMIT)
    pay_out(order, client="al", policy=LIMIT)
    assert unpaid(order) == 0


def test_a_statement_about_another_sum_does_not_count(order: PaidOrder) -> None:
    with pytest.raises(PayoutDiffers):
        pay_out(order, 100, client="al", policy=LIMIT)
    with pytest.raises(SecondPersonNeeded):
        pay_out(order, client="bo", policy=LIMIT)
    assert unpaid(order) == 29900


def test_a_statement_from_before_the_sum_became_owed_does_not_count(
    order: PaidOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SecondPersonNeeded):
        pay_out(order, client="al", policy=LIMIT)
    # Another refund of the same sum is owed and the first one paid: what al stated was about that one.
    later = order.store.now() + timedelta(minutes=1)
    monkeypatch.setattr(order.store, "now", lambda: later)
    with order.store.write() as tx:
        owing = (col(LedgerRow.order_number) == order.number, col(LedgerRow.kind) == "owe")
        tx.exec(update(LedgerRow).where(*owing).values(at=later))
    after = later + timedelta(minutes=1)
    monkeypatch.setattr(order.store, "now", lambda: after)
    with pytest.raises(SecondPersonNeeded):
        pay_out(order, client="bo", policy=LIMIT)
    assert unpaid(order) == 29900


def test_another_order_s_statement_does_not_count(store: Store, order: PaidOrder) -> None:
    other = paid_order(store, EmbeddedPayments(store), [(REFUSE_REFUND, 29900), ("tok_ok", 100)], 0)
    other.settle()
    with pytest.raises(SecondPersonNeeded):
        pay_out(other, client="al", policy=LIMIT)
    with pytest.raises(SecondPersonNeeded):
        pay_out(order, client="bo", policy=LIMIT)
