"""At most one effect per key, in our database and at an external provider."""

import threading
from typing import ClassVar

import pytest
from pydantic import BaseModel
from sqlmodel import Session

from activities.support.errors import WithdrawnError
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Command
from domain.refusals import PaymentRefused, SoldOut
from providers.errors import PaymentDeclinedError, ProviderUnavailableError
from store.changes import step_records
from store.database.store import Store
from store.tables import OrderRow


class Hold(Command):
    step: ClassVar[str] = "hold_something"


class Held(BaseModel):
    number: int


class Provider:
    """A provider that counts its calls, embedded or external."""

    def __init__(self, *, external: bool) -> None:
        self.external = external
        self.calls = 0
        self.undo_calls = 0

    def call(self, _order: OrderRow) -> int:
        self.calls += 1
        return self.calls

    def undo(self, _order: OrderRow) -> None:
        self.undo_calls += 1


@pytest.fixture
def executor(store: Store) -> StepExecutor:
    return StepExecutor(store)


@pytest.fixture
def command(store: Store, request: pytest.FixtureRequest) -> Hold:
    number = f"97-{abs(hash(request.node.nodeid)) % 10**9:09d}"
    with store.write() as tx:
        tx.add(OrderRow(tenant="default", number=number, currency="NOK", created_at=store.now()))
    return Hold(change=f"change-of-{number}", order=number)


def record(_tx: Session, _order: OrderRow, response: int) -> Held:
    return Held(number=response)


def state(store: Store, command: Hold) -> str | None:
    with store.read() as tx:
        states = [row.state for row in step_records.of_change(tx, command.change)]
    return states[0] if states else None


@pytest.mark.parametrize("external", [False, True])
def test_a_step_that_is_retried_is_done_once_with_one_result(
    executor: StepExecutor, command: Hold, *, external: bool
) -> None:
    provider = Provider(external=external)
    numbers = [executor.run(command, Held, provider, provider.call, record).number for _ in range(3)]
    assert (numbers, provider.calls) == ([1, 1, 1], 1)


@pytest.mark.parametrize("external", [False, True])
def test_a_refused_step_is_refused_again(executor: StepExecutor, command: Hold, *, external: bool) -> None:
    provider = Provider(external=external)

    def full(_order: OrderRow) -> int:
        provider.calls += 1
        raise PaymentDeclinedError

    for _ in range(2):
        with pytest.raises(PaymentRefused):
            executor.run(command, Held, provider, full, record)
    with pytest.raises(PaymentRefused):
        executor.run(command, Held, provider, provider.call, record)
    assert provider.calls == 1


@pytest.mark.parametrize("external", [False, True])
def test_a_refusal_of_the_rules_keeps_its_members(executor: StepExecutor, command: Hold, *, external: bool) -> None:
    provider = Provider(external=external)

    def refuse(_tx: Session, _order: OrderRow, _response: int) -> Held:
        raise SoldOut({"line": "26-100001-1"})

    for _ in range(2):
        with pytest.raises(SoldOut) as refused:
            executor.run(command, Held, provider, provider.call, refuse)
        assert refused.value.members == ({"line": "26-100001-1"},)


@pytest.mark.parametrize("external", [False, True])
def test_a_fault_is_not_recorded_and_may_be_retried(executor: StepExecutor, command: Hold, *, external: bool) -> None:
    provider = Provider(external=external)

    def down(_order: OrderRow) -> int:
        raise ProviderUnavailableError

    with pytest.raises(ProviderUnavailableError):
        executor.run(command, Held, provider, down, record)
    assert executor.run(command, Held, provider, provider.call, record).number == 1


@pytest.mark.parametrize("external", [False, True])
def test_a_step_under_a_withdrawn_key_does_not_happen(executor: StepExecutor, command: Hold, *, external: bool) -> None:
    provider = Provider(external=external)
    executor.undo(command, lambda *_: None, provider, provider.undo)
    with pytest.raises(WithdrawnError):
        executor.run(command, Held, provider, provider.call, record)
    assert (provider.calls, state(executor.store, command)) == (0, "withdrawn")


@pytest.mark.parametrize("external", [False, True])
def test_an_undo_reverts_our_rows_once_and_calls_the_provider_at_each_retry(
    executor: StepExecutor, command: Hold, *, external: bool
) -> None:
    provider, reversed_ = Provider(external=external), []
    executor.run(command, Held, provider, provider.call, record)
    for _ in range(3):
        executor.undo(command, lambda _tx, _order, answer: reversed_.append(answer), provider, provider.undo)
    assert reversed_ == ['{"number":1}']
    assert provider.undo_calls == 3


def test_a_step_is_recorded_as_started_before_an_external_provider_is_called(
    executor: StepExecutor, command: Hold
) -> None:
    provider, states = Provider(external=True), []

    def call(_order: OrderRow) -> int:
        states.append(state(executor.store, command))
        return 1

    executor.run(command, Held, provider, call, record)
    assert states == ["started"]


def test_a_call_whose_result_was_lost_is_repeated_under_the_same_key(executor: StepExecutor, command: Hold) -> None:
    provider = Provider(external=True)

    def lose(_tx: Session, _order: OrderRow, _response: int) -> Held:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        executor.run(command, Held, provider, provider.call, lose)
    assert state(executor.store, command) == "started"
    assert executor.run(command, Held, provider, provider.call, record).number == 2


def test_an_external_call_that_lands_after_its_undo_is_undone(executor: StepExecutor, command: Hold) -> None:
    provider = Provider(external=True)
    called, undone = threading.Event(), threading.Event()
    late: list[Exception] = []

    def slow(order: OrderRow) -> int:
        called.set()
        undone.wait(10)
        return provider.call(order)

    def run() -> None:
        try:
            executor.run(command, Held, provider, slow, record, provider.undo)
        except WithdrawnError as error:
            late.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    called.wait(10)
    executor.undo(command, lambda *_: None, provider, provider.undo)
    undone.set()
    thread.join()
    assert len(late) == 1
    assert provider.undo_calls == 2


@pytest.mark.parametrize("external", [False, True])
def test_two_concurrent_attempts_have_one_effect(executor: StepExecutor, command: Hold, *, external: bool) -> None:
    provider, together = Provider(external=external), threading.Barrier(2)

    def write(_tx: Session, order: OrderRow, response: int) -> Held:
        order.next_line += 1
        return Held(number=response)

    answers: list[int] = []

    def run() -> None:
        together.wait(10)
        answers.append(executor.run(command, Held, provider, provider.call, write).number)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 2
    with executor.store.read() as tx:
        assert tx.get_one(OrderRow, command.order).next_line == 2


def test_a_step_done_by_hand_updates_our_rows_and_does_not_call_the_provider(
    executor: StepExecutor, command: Hold
) -> None:
    provider, reversed_ = Provider(external=True), []
    executor.run(command, Held, provider, provider.call, record)
    by_hand = command.model_copy(update={"done_by_hand_reason": "at the counter"})
    executor.undo(by_hand, lambda _tx, _order, answer: reversed_.append(answer), provider, provider.undo)
    assert (len(reversed_), provider.undo_calls) == (1, 0)
