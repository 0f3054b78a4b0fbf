"""At most one effect per key, inside our database and at a provider outside."""

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


class Elsewhere:
    """A provider, inside or outside."""

    def __init__(self, *, external: bool) -> None:
        self.external = external
        self.calls = 0
        self.taken_back = 0

    def call(self, _order: OrderRow) -> int:
        self.calls += 1
        return self.calls

    def take_back(self, _order: OrderRow) -> None:
        self.taken_back += 1


@pytest.fixture
def once(store: Store) -> StepExecutor:
    return StepExecutor(store)


@pytest.fixture
def command(store: Store, request: pytest.FixtureRequest) -> Hold:
    number = f"97-{abs(hash(request.node.nodeid)) % 10**9:09d}"
    with store.write() as tx:
        tx.add(OrderRow(tenant="default", number=number, currency="NOK", created_at=store.now()))
    return Hold(change=f"change-of-{number}", order=number)


def note(_tx: Session, _order: OrderRow, heard: int) -> Held:
    return Held(number=heard)


def state(store: Store, command: Hold) -> str | None:
    with store.read() as tx:
        found = [row.state for row in step_records.of_change(tx, command.change)]
    return found[0] if found else None


@pytest.mark.parametrize("external", [False, True])
def test_asked_twice_is_done_once_with_one_answer(once: StepExecutor, command: Hold, *, external: bool) -> None:
    there = Elsewhere(external=external)
    answers = [once.run(command, Held, there, there.call, note).number for _ in range(3)]
    assert (answers, there.calls) == ([1, 1, 1], 1)


@pytest.mark.parametrize("external", [False, True])
def test_a_refusal_is_the_first_answer_too(once: StepExecutor, command: Hold, *, external: bool) -> None:
    there = Elsewhere(external=external)

    def full(_order: OrderRow) -> int:
        there.calls += 1
        raise PaymentDeclinedError

    for _ in range(2):
        with pytest.raises(PaymentRefused):
            once.run(command, Held, there, full, note)
    with pytest.raises(PaymentRefused):
        once.run(command, Held, there, there.call, note)
    assert there.calls == 1


@pytest.mark.parametrize("external", [False, True])
def test_a_refusal_of_the_rules_keeps_what_it_points_at(once: StepExecutor, command: Hold, *, external: bool) -> None:
    there = Elsewhere(external=external)

    def refuse(_tx: Session, _order: OrderRow, _heard: int) -> Held:
        raise SoldOut({"line": "26-100001-1"})

    for _ in range(2):
        with pytest.raises(SoldOut) as refused:
            once.run(command, Held, there, there.call, refuse)
        assert refused.value.members == ({"line": "26-100001-1"},)


@pytest.mark.parametrize("external", [False, True])
def test_a_fault_is_no_answer_and_may_be_tried_again(once: StepExecutor, command: Hold, *, external: bool) -> None:
    there = Elsewhere(external=external)

    def down(_order: OrderRow) -> int:
        raise ProviderUnavailableError

    with pytest.raises(ProviderUnavailableError):
        once.run(command, Held, there, down, note)
    assert once.run(command, Held, there, there.call, note).number == 1


@pytest.mark.parametrize("external", [False, True])
def test_a_step_under_a_withdrawn_key_does_not_happen(once: StepExecutor, command: Hold, *, external: bool) -> None:
    there = Elsewhere(external=external)
    once.undo(command, lambda *_: None, there, there.take_back)
    with pytest.raises(WithdrawnError):
        once.run(command, Held, there, there.call, note)
    assert (there.calls, state(once.store, command)) == (0, "withdrawn")


@pytest.mark.parametrize("external", [False, True])
def test_an_undo_reverses_once_and_tells_the_provider_as_often_as_it_takes(
    once: StepExecutor, command: Hold, *, external: bool
) -> None:
    there, reversed_ = Elsewhere(external=external), []
    once.run(command, Held, there, there.call, note)
    for _ in range(3):
        once.undo(command, lambda _tx, _order, answer: reversed_.append(answer), there, there.take_back)
    assert reversed_ == ['{"number":1}']
    assert there.taken_back == 3


def test_asking_is_remembered_before_a_provider_outside_is_called(once: StepExecutor, command: Hold) -> None:
    there, seen = Elsewhere(external=True), []

    def look(_order: OrderRow) -> int:
        seen.append(state(once.store, command))
        return 1

    once.run(command, Held, there, look, note)
    assert seen == ["started"]


def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(once: StepExecutor, command: Hold) -> None:
    there = Elsewhere(external=True)

    def lose(_tx: Session, _order: OrderRow, _heard: int) -> Held:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        once.run(command, Held, there, there.call, lose)
    assert state(once.store, command) == "started"
    assert once.run(command, Held, there, there.call, note).number == 2


def test_a_call_outside_that_lands_after_its_undo_is_taken_back(once: StepExecutor, command: Hold) -> None:
    there = Elsewhere(external=True)
    called, undone = threading.Event(), threading.Event()
    late: list[Exception] = []

    def slow(order: OrderRow) -> int:
        called.set()
        undone.wait(10)
        return there.call(order)

    def run() -> None:
        try:
            once.run(command, Held, there, slow, note, there.take_back)
        except WithdrawnError as error:
            late.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    called.wait(10)
    once.undo(command, lambda *_: None, there, there.take_back)
    undone.set()
    thread.join()
    assert len(late) == 1
    assert there.taken_back == 2


@pytest.mark.parametrize("external", [False, True])
def test_two_attempts_at_once_leave_one_effect(once: StepExecutor, command: Hold, *, external: bool) -> None:
    there, together = Elsewhere(external=external), threading.Barrier(2)

    def write(_tx: Session, order: OrderRow, heard: int) -> Held:
        order.next_line += 1
        return Held(number=heard)

    answers: list[int] = []

    def run() -> None:
        together.wait(10)
        answers.append(once.run(command, Held, there, there.call, write).number)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 2
    with once.store.read() as tx:
        assert tx.get_one(OrderRow, command.order).next_line == 2


def test_a_step_done_by_hand_mends_our_books_and_leaves_the_provider_alone(once: StepExecutor, command: Hold) -> None:
    there, reversed_ = Elsewhere(external=True), []
    once.run(command, Held, there, there.call, note)
    by_hand = command.model_copy(update={"done_by_hand_reason": "at the counter"})
    once.undo(by_hand, lambda _tx, _order, answer: reversed_.append(answer), there, there.take_back)
    assert (len(reversed_), there.taken_back) == (1, 0)
