"""A wrong answer of an external inventory is released and never recorded; a late refusal is not believed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from sqlmodel import col, select

from activities.seats import RESERVE_SEATS, ConfirmSeatsCommand, ReserveSeatsCommand, ReserveSeatsResult
from activities.support.errors import WithdrawnError
from activities.support.step_executor import StepExecutor
from domain.refusals import SoldOut
from providers.errors import NoSeatsLeftError, ProviderAnswerWrongError, ProviderPendingError, ProviderUnavailableError
from providers.protocols import FoundHold, Held, HeldSeat, HoldState
from runtime.settings import Settings
from store.changes import step_records
from store.changes.new_records import NewRecord
from store.orders.orders import lock_order
from store.tables import OrderRow, ReservationRow, SeatHoldRow, StepRecordRow
from tests.support.lying_inventory import LIES, Changed, LyingInventory
from tests.support.outside import be_down
from tests.support.step_by_step import StepByStep
from tests.support.world import TENANT

of_either_place = pytest.mark.parametrize("external", [False, True], ids=["embedded", "external"])


@dataclass
class Reserving:
    """One reservation of a seat at an inventory."""

    steps: StepByStep
    inventory: LyingInventory
    command: ReserveSeatsCommand

    @property
    def executor(self) -> StepExecutor:
        return StepExecutor(replace(self.steps.components, inventory=self.inventory))

    def run(self, command: ReserveSeatsCommand | None = None) -> ReserveSeatsResult:
        return RESERVE_SEATS.execute(self.executor, command or self.command)

    def undo(self) -> None:
        self.executor.undo(RESERVE_SEATS, self.command)

    def another(self) -> ReserveSeatsCommand:
        """Return the reservation of another order on the same train."""
        return reserve_command(self.steps)

    @property
    def record(self) -> StepRecordRow:
        with self.steps.components.store.read() as tx:
            return tx.get_one(StepRecordRow, self.command.key)

    def keys_at_inventory(self) -> list[str]:
        """Return the keys under which the inventory has something for this change, without the change's id."""
        with self.steps.components.store.read() as tx:
            keys = tx.exec(select(SeatHoldRow.key).where(col(SeatHoldRow.key).startswith(self.command.change)))
            return [key.partition("/")[2] for key in keys]

    def ours(self) -> list[tuple[str, str]]:
        """Return what our books say that the order has: the step of its key, and its reference's end."""
        with self.steps.components.store.read() as tx:
            rows = tx.exec(select(ReservationRow).where(ReservationRow.order_number == self.command.order)).all()
            return [(row.key.partition("/")[2], row.reference.partition("/")[2]) for row in rows]


def reserve_command(steps: StepByStep) -> ReserveSeatsCommand:
    order = steps.create_order()
    change = steps.record_request(order, "standard", "4711", [], confirm=False)
    return steps.run_until_priced(order, change)[1]


@pytest.fixture
def external() -> bool:
    return True


@pytest.fixture
def reserving(prepared_database: str, *, external: bool) -> Iterator[Reserving]:
    steps = StepByStep(Settings(database=prepared_database))
    inventory = LyingInventory(steps.components.store, external=external)
    yield Reserving(steps, inventory, reserve_command(steps))
    steps.components.store.close()


@of_either_place
@pytest.mark.parametrize("lie", LIES)
def test_nothing_wrong_is_kept_and_the_next_answer_is_believed(
    reserving: Reserving, lie: str, *, external: bool
) -> None:
    reserving.inventory.lie = LIES[lie]
    with pytest.raises(ProviderAnswerWrongError):
        reserving.run()
    assert (reserving.keys_at_inventory(), reserving.ours()) == ([], [])
    reserving.inventory.lie = list
    assert reserving.run() == ReserveSeatsResult(seats=1)
    key = "reserve_seats/1" if external else "reserve_seats"
    assert (reserving.keys_at_inventory(), reserving.ours()) == ([key], [("reserve_seats", f"{key}/1")])
    reserving.undo()
    assert reserving.keys_at_inventory() == []


def test_each_wrong_answer_has_a_key_of_its_own_that_is_recorded_before_the_next_is_used(reserving: Reserving) -> None:
    reserving.inventory.lie = LIES["another service"]
    recorded: list[int] = []
    reserving.inventory.before_hold = lambda: recorded.append(reserving.record.discarded_answers)
    for _ in range(3):
        with pytest.raises(ProviderAnswerWrongError):
            reserving.run()
    assert recorded == [0, 1, 2]
    assert [key.partition("/")[2] for key in reserving.inventory.keys] == [
        "reserve_seats",
        "reserve_seats/1",
        "reserve_seats/2",
    ]
    assert (reserving.keys_at_inventory(), reserving.record.discarded_answers) == ([], 3)


def test_what_could_not_be_released_at_once_is_released_before_the_next_attempt(reserving: Reserving) -> None:
    reserving.inventory.lie, reserving.inventory.before_release = LIES["no seat"], be_down
    with pytest.raises(ProviderUnavailableError):
        reserving.run()
    assert reserving.keys_at_inventory() == ["reserve_seats"]
    with pytest.raises(ProviderUnavailableError):
        reserving.run()
    assert len(reserving.inventory.keys) == 1
    reserving.inventory.be_honest()
    reserving.run()
    assert reserving.keys_at_inventory() == ["reserve_seats/1"]


def test_no_other_key_is_used_while_the_release_of_a_discarded_answer_is_pending(reserving: Reserving) -> None:
    reserving.inventory.lie, reserving.inventory.slow = LIES["no seat"], True
    with pytest.raises(ProviderAnswerWrongError):
        reserving.run()
    reserving.inventory.lie = list
    with pytest.raises(ProviderPendingError):
        reserving.run()
    assert (reserving.keys_at_inventory(), len(reserving.inventory.keys)) == (["reserve_seats"], 1)
    with pytest.raises(ProviderPendingError):
        reserving.undo()
    assert (reserving.record.state, reserving.keys_at_inventory()) == ("withdrawing", ["reserve_seats"])
    reserving.inventory.slow = False
    reserving.undo()
    assert (reserving.record.state, reserving.keys_at_inventory()) == ("withdrawn", [])


def test_a_release_that_is_said_to_be_neither_done_nor_pending_is_not_done(reserving: Reserving) -> None:
    reserving.run()
    reserving.inventory.released = None  # type: ignore[assignment] # an adapter that is not checked
    with pytest.raises(ProviderAnswerWrongError):
        reserving.undo()
    assert reserving.record.state == "withdrawing"


def test_an_undo_releases_what_a_discarded_answer_has_left(reserving: Reserving) -> None:
    reserving.inventory.lie, reserving.inventory.before_release = LIES["no seat"], be_down
    with pytest.raises(ProviderUnavailableError):
        reserving.run()
    reserving.inventory.be_honest()
    reserving.undo()
    assert reserving.keys_at_inventory() == []
    with pytest.raises(WithdrawnError):
        reserving.run()
    assert (reserving.record.discarded_answers, reserving.inventory.keys) == (1, [])


def test_a_wrong_answer_after_the_undo_has_begun_is_released(reserving: Reserving) -> None:
    def undo_first(held: list[Held]) -> list[Held]:
        reserving.undo()
        return [*held, *held]

    reserving.inventory.lie = undo_first
    with pytest.raises(ProviderAnswerWrongError):
        reserving.run()
    assert (reserving.keys_at_inventory(), reserving.record.discarded_answers) == ([], 0)


def test_a_right_answer_that_comes_late_under_a_discarded_key_is_not_recorded(reserving: Reserving) -> None:
    def let_another_attempt_discard(held: list[Held]) -> list[Held]:
        reserving.inventory.lie = LIES["another service"]
        with pytest.raises(ProviderAnswerWrongError):
            reserving.run()
        return held

    reserving.inventory.lie = let_another_attempt_discard
    with pytest.raises(ProviderAnswerWrongError):
        reserving.run()
    assert (reserving.keys_at_inventory(), reserving.ours()) == ([], [])


def test_a_wrong_answer_does_not_release_what_another_attempt_has_recorded(reserving: Reserving) -> None:
    def let_another_attempt_be_first(held: list[Held]) -> list[Held]:
        reserving.inventory.lie = list
        reserving.run()
        return [*held, *held]

    reserving.inventory.lie = let_another_attempt_be_first
    with pytest.raises(ProviderAnswerWrongError):
        reserving.run()
    assert (reserving.keys_at_inventory(), reserving.record.discarded_answers) == (["reserve_seats"], 0)
    assert reserving.ours() == [("reserve_seats", "reserve_seats/1")]


@pytest.mark.parametrize("member", ["reference", "seat"])
def test_what_another_order_has_is_no_answer(reserving: Reserving, member: str) -> None:
    other = reserving.another()
    reserving.run(other)
    with reserving.steps.components.store.read() as tx:
        theirs = tx.exec(select(ReservationRow).where(ReservationRow.order_number == other.order)).one()
    reserving.inventory.lie = Changed(
        {"reference": theirs.reference} if member == "reference" else {"coach": theirs.coach, "seat": theirs.seat}
    )
    with pytest.raises(ProviderAnswerWrongError, match="already has"):
        reserving.run()
    assert (reserving.keys_at_inventory(), reserving.ours()) == ([], [])


def test_of_two_orders_that_are_answered_the_same_seat_at_once_the_first_recorded_has_it(reserving: Reserving) -> None:
    context, other = reserving.executor.context, reserving.another()
    with context.store.read() as tx:
        order = tx.get_one(OrderRow, reserving.command.order)
    answer = RESERVE_SEATS.call(context, order, reserving.command)
    (seat,) = answer.held
    assert isinstance(seat, HeldSeat)
    reserving.inventory.lie = Changed({"coach": seat.coach, "seat": seat.seat})
    reserving.run(other)
    with pytest.raises(ProviderAnswerWrongError, match="already has"), context.store.write() as tx:
        RESERVE_SEATS.record(context, tx, lock_order(tx, order.number), reserving.command, answer)
    assert reserving.ours() == []


@pytest.mark.parametrize("gone", ["expired", "being undone", "being given up"])
def test_a_seat_that_another_order_lets_go_of_may_be_answered(reserving: Reserving, gone: str) -> None:
    other, store = reserving.another(), reserving.steps.components.store
    reserving.run(other)
    with store.write() as tx:
        theirs = tx.exec(select(ReservationRow).where(ReservationRow.order_number == other.order)).one()
        record = tx.get_one(StepRecordRow, other.key)
        if gone == "expired":
            theirs.expires_at = store.now()
        elif gone == "being undone":
            record.state = "withdrawing"
        else:
            command = ConfirmSeatsCommand(change=other.change, order=other.order)
            step_records.record_started(tx, TENANT, NewRecord(command), store.now())
        tx.add_all([theirs, record])
        seat = {"coach": theirs.coach, "seat": theirs.seat}
    reserving.inventory.lie = Changed(seat)
    assert reserving.run() == ReserveSeatsResult(seats=1)


def lose_the_answer(reserving: Reserving) -> None:
    """Let one attempt hold a seat, and lose its answer."""
    reserving.inventory.lie = be_down  # type: ignore[assignment] # it answers nothing
    with pytest.raises(ProviderUnavailableError):
        reserving.run()
    assert reserving.keys_at_inventory() == ["reserve_seats"]
    reserving.inventory.before_hold = be_sold_out


def be_sold_out() -> None:
    raise NoSeatsLeftError


def test_a_refusal_after_a_lost_answer_is_not_believed_when_the_seat_is_held(reserving: Reserving) -> None:
    lose_the_answer(reserving)
    assert reserving.run() == ReserveSeatsResult(seats=1)
    assert reserving.ours() == [("reserve_seats", "reserve_seats/1")]


@pytest.mark.parametrize("state", [HoldState.NOTHING, HoldState.GIVEN_BACK])
def test_a_refusal_after_a_lost_answer_is_believed_when_nothing_is_held(reserving: Reserving, state: HoldState) -> None:
    lose_the_answer(reserving)
    reserving.inventory.found = FoundHold(state)
    with pytest.raises(SoldOut):
        reserving.run()
    assert reserving.record.refusal is not None


@pytest.mark.parametrize("state", [HoldState.CANNOT_SAY, HoldState.SOLD])
def test_a_refusal_is_a_fault_while_the_inventory_cannot_say_or_says_what_cannot_be(
    reserving: Reserving, state: HoldState
) -> None:
    lose_the_answer(reserving)
    reserving.inventory.found = FoundHold(state)
    with pytest.raises(ProviderUnavailableError):
        reserving.run()
    assert (reserving.record.state, reserving.record.refusal) == ("started", None)
    reserving.undo()
    assert reserving.keys_at_inventory() == []


def test_what_is_found_is_compared_as_an_answer_is(reserving: Reserving) -> None:
    lose_the_answer(reserving)
    reserving.inventory.found = FoundHold(HoldState.HELD, ())
    with pytest.raises(ProviderAnswerWrongError):
        reserving.run()
    assert (reserving.keys_at_inventory(), reserving.ours(), reserving.record.discarded_answers) == ([], [], 1)


def test_the_first_refusal_is_believed_without_a_look(reserving: Reserving) -> None:
    reserving.inventory.before_hold, reserving.inventory.found = be_sold_out, FoundHold(HoldState.CANNOT_SAY)
    with pytest.raises(SoldOut):
        reserving.run()
