"""At most one effect per key, in our database and at an external provider."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel
from sqlmodel import Session

from activities.support.errors import WithdrawnError
from activities.support.step_context import StepContext
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Command, Reversible
from domain.orders import Order
from domain.refusals import PaymentRefused, SoldOut
from providers.errors import PaymentDeclinedError, ProviderUnavailableError
from store.changes import step_records
from store.database.store import Store
from store.orders.events import EventType, data_of, history
from store.tables import OrderRow, StepRecordRow
from temporal.names import System
from tests.support.contexts import step_context


class HoldCommand(Command):
    step: ClassVar[str] = "hold_something"


class Held(BaseModel):
    number: int


class Hold(Reversible[HoldCommand, Held]):
    """A step at a provider that counts its calls, embedded or external."""

    system, undo_name = System.SEATS, "release_something"

    def __init__(self, *, external: bool) -> None:
        self.external = external
        self.calls = 0
        self.undo_calls = 0
        self.reverted: list[int] = []
        self.during_call: Callable[[], None] = lambda: None
        self.during_record: Callable[[OrderRow], None] = lambda _order: None

    def calls_outside(self, context: StepContext) -> bool:
        return self.external

    def call(self, context: StepContext, order: OrderRow, command: HoldCommand) -> int:
        self.during_call()
        self.calls += 1
        return self.calls

    def record(self, context: StepContext, tx: Session, order: OrderRow, command: HoldCommand, response: int) -> Held:
        self.during_record(order)
        return Held(number=response)

    def undo_call(self, context: StepContext, order: OrderRow, command: HoldCommand) -> None:
        self.undo_calls += 1

    def revert(self, context: StepContext, tx: Session, order: OrderRow, command: HoldCommand, result: Held) -> None:
        self.reverted.append(result.number)

    def describe_undo(self, tx: Session, order: Order, record: StepRecordRow) -> Iterator[str]:
        yield "released"


def raising(error: Exception) -> Callable[..., None]:
    """Return a function that raises an error."""

    def fail(*_: Any) -> None:
        raise error

    return fail


EMBEDDED_AND_EXTERNAL = pytest.mark.parametrize("external", [False, True])


@pytest.fixture
def executor(store: Store) -> StepExecutor:
    return StepExecutor(step_context(store))


@pytest.fixture
def command(store: Store, request: pytest.FixtureRequest) -> HoldCommand:
    number = f"97-{abs(hash(request.node.nodeid)) % 10**9:09d}"
    with store.write() as tx:
        tx.add(OrderRow(tenant="default", number=number, currency="NOK", created_at=store.now()))
    return HoldCommand(change=f"change-of-{number}", order=number)


def state(store: Store, command: HoldCommand) -> str | None:
    with store.read() as tx:
        states = [row.state for row in step_records.of_change(tx, command.change)]
    return states[0] if states else None


@EMBEDDED_AND_EXTERNAL
def test_a_step_that_is_retried_is_done_once_with_one_result(
    executor: StepExecutor, command: HoldCommand, *, external: bool
) -> None:
    hold = Hold(external=external)
    numbers = [executor.run(hold, command).number for _ in range(3)]
    assert (numbers, hold.calls) == ([1, 1, 1], 1)


@EMBEDDED_AND_EXTERNAL
def test_a_refused_step_is_refused_again(executor: StepExecutor, command: HoldCommand, *, external: bool) -> None:
    hold = Hold(external=external)
    hold.during_call = raising(PaymentDeclinedError())
    for _ in range(2):
        with pytest.raises(PaymentRefused):
            executor.run(hold, command)
        hold.during_call = lambda: pytest.fail("the provider was asked again")
    assert hold.calls == 0


@EMBEDDED_AND_EXTERNAL
def test_a_refusal_of_the_rules_keeps_its_members(
    executor: StepExecutor, command: HoldCommand, *, external: bool
) -> None:
    hold = Hold(external=external)
    hold.during_record = raising(SoldOut({"line": "26-100001-1"}))
    for _ in range(2):
        with pytest.raises(SoldOut) as refused:
            executor.run(hold, command)
        assert refused.value.members == ({"line": "26-100001-1"},)


@EMBEDDED_AND_EXTERNAL
def test_a_fault_is_not_recorded_and_may_be_retried(
    executor: StepExecutor, command: HoldCommand, *, external: bool
) -> None:
    hold = Hold(external=external)
    hold.during_call = raising(ProviderUnavailableError())
    with pytest.raises(ProviderUnavailableError):
        executor.run(hold, command)
    hold.during_call = lambda: None
    assert executor.run(hold, command).number == 1


@EMBEDDED_AND_EXTERNAL
def test_a_step_under_a_withdrawn_key_does_not_happen(
    executor: StepExecutor, command: HoldCommand, *, external: bool
) -> None:
    hold = Hold(external=external)
    executor.undo(hold, command)
    with pytest.raises(WithdrawnError):
        executor.run(hold, command)
    assert (hold.calls, state(executor.context.store, command)) == (0, "withdrawn")


@EMBEDDED_AND_EXTERNAL
def test_an_undo_reverts_our_rows_once_and_calls_the_provider_at_each_retry(
    executor: StepExecutor, command: HoldCommand, *, external: bool
) -> None:
    hold = Hold(external=external)
    executor.run(hold, command)
    for _ in range(3):
        executor.undo(hold, command)
    assert (hold.reverted, hold.undo_calls) == ([1], 3)


def test_a_step_is_recorded_as_started_before_an_external_provider_is_called(
    executor: StepExecutor, command: HoldCommand
) -> None:
    hold, states = Hold(external=True), []
    hold.during_call = lambda: states.append(state(executor.context.store, command))
    executor.run(hold, command)
    assert states == ["started"]


def test_a_call_whose_result_was_lost_is_repeated_under_the_same_key(
    executor: StepExecutor, command: HoldCommand
) -> None:
    hold = Hold(external=True)
    hold.during_record = raising(ConnectionError())
    with pytest.raises(ConnectionError):
        executor.run(hold, command)
    assert state(executor.context.store, command) == "started"
    hold.during_record = lambda _order: None
    assert executor.run(hold, command).number == 2


def test_an_external_call_that_lands_after_its_undo_is_undone(executor: StepExecutor, command: HoldCommand) -> None:
    hold = Hold(external=True)
    called, undone = threading.Event(), threading.Event()
    late: list[Exception] = []

    def slow() -> None:
        called.set()
        undone.wait(10)

    def run() -> None:
        try:
            executor.run(hold, command)
        except WithdrawnError as error:
            late.append(error)

    hold.during_call = slow
    thread = threading.Thread(target=run)
    thread.start()
    called.wait(10)
    executor.undo(hold, command)
    undone.set()
    thread.join()
    assert len(late) == 1
    assert hold.undo_calls == 2


@EMBEDDED_AND_EXTERNAL
def test_two_concurrent_attempts_have_one_effect(
    executor: StepExecutor, command: HoldCommand, *, external: bool
) -> None:
    hold, together = Hold(external=external), threading.Barrier(2)

    def write(order: OrderRow) -> None:
        order.next_line += 1

    answers: list[int] = []

    def run() -> None:
        together.wait(10)
        answers.append(executor.run(hold, command).number)

    hold.during_record = write
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 2
    with executor.context.store.read() as tx:
        assert tx.get_one(OrderRow, command.order).next_line == 2


def test_a_step_done_by_hand_updates_our_rows_and_does_not_call_the_provider(
    executor: StepExecutor, command: HoldCommand
) -> None:
    hold = Hold(external=True)
    executor.run(hold, command)
    executor.undo(hold, command.model_copy(update={"done_by_hand_reason": "at the counter"}))
    assert (hold.reverted, hold.undo_calls) == ([1], 0)
    assert [(each["step"], each["reason"]) for each in done_by_hand(executor, command)] == [
        ("release_something", "at the counter")
    ]


def test_a_step_of_our_own_database_is_done_whatever_a_command_says_of_a_hand(
    executor: StepExecutor, command: HoldCommand
) -> None:
    hold, stated = Hold(external=False), command.model_copy(update={"done_by_hand_reason": "as I say"})
    assert executor.run(hold, stated).number == 1
    executor.undo(hold, stated)
    assert (hold.calls, hold.reverted, hold.undo_calls) == (1, [1], 1)
    assert done_by_hand(executor, command) == []


def done_by_hand(executor: StepExecutor, command: HoldCommand) -> list[dict[str, Any]]:
    with executor.context.store.read() as tx:
        events = history(tx, command.order, 0, 100)
    return [data_of(each) for each in events if each.type == EventType.DONE_BY_HAND]


def test_a_step_without_its_system_or_a_name_for_its_undo_is_refused_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match="system"):

        class _NoSystem(Reversible[HoldCommand, Held]):
            undo_name = "release"

    with pytest.raises(TypeError, match="undo"):

        class _NoUndoName(Reversible[HoldCommand, Held]):
            system = System.SEATS
