"""A group is one transaction: what its records, refusals and late attempts may and may not do."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from activities.flows import CHANGE, CONFIRM, FLOWS
from activities.groups import GroupRunner
from activities.order_lines import SWAP_OFFER_BUNDLE, SwapOfferBundleCommand
from activities.seats import RESERVE_SEATS, ReserveSeatsCommand
from activities.support.errors import WithdrawnError
from activities.support.flow import GroupCommand, GroupResult, UndoStepsCommand
from activities.support.step_executor import StepExecutor
from domain.changes import ChangeState
from domain.products import Product
from providers.embedded.offers import EmbeddedOffers
from providers.errors import HoldIsGoneError, NoSeatsLeftError, PaymentDeclinedError
from runtime.settings import Settings
from store.changes import step_records
from store.changes.new_records import NewRecord
from store.database.connections import StoreBusyError
from store.database.store import Store
from store.orders.events import EventType, append
from store.orders.orders import lock_order
from store.tables import ChangeRow, EventRow, LedgerRow, LineRow, SeatHoldRow, StepRecordRow
from temporal.names import UNDO_STEPS, StepName, System
from tests.support.step_by_step import StepByStep

PINNED = Path(__file__).with_name("groups.json")
"""Written by `python -m tests.activities.test_groups`: a group of a release keeps its steps, another has a new name."""


@pytest.fixture
def steps(prepared_database: str) -> Iterator[StepByStep]:
    by_step = StepByStep(Settings(database=prepared_database))
    yield by_step
    by_step.components.store.close()


@pytest.fixture
def runner(steps: StepByStep) -> GroupRunner:
    return GroupRunner(steps.components)


@pytest.fixture
def sale(steps: StepByStep) -> GroupCommand:
    """A first sale in one go, recorded and not yet run."""
    order = steps.create_order()
    return GroupCommand(change=steps.record_request(order, "standard", "4711", [], confirm=True), order=order)


def rows(steps: StepByStep, row: Any) -> list[Any]:
    with steps.components.store.read() as tx:
        return list(tx.exec(select(row)))


def outcome(steps: StepByStep, command: GroupCommand) -> str:
    with steps.components.store.read() as tx:
        return tx.get_one(ChangeRow, command.change).state


def names(result: GroupResult) -> list[str]:
    return [each.step for each in result.steps]


def test_the_names_and_steps_of_groups_are_pinned_because_replay_does_not_see_inside() -> None:
    assert groups() == json.loads(PINNED.read_text())


def groups() -> dict[str, list[str]]:
    """Return the names of each group's steps, in their order."""
    return {flow.name: [step.name for step in flow.steps] for flow in FLOWS}


def test_a_group_is_one_transaction_with_a_record_of_each_step(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand
) -> None:
    with steps.watch_statements():
        result = runner.run(CHANGE, sale)
    assert steps.transactions == 1
    recorded = [row.step for row in sorted(rows(steps, StepRecordRow), key=lambda row: row.sequence)]
    assert recorded == names(result)
    assert names(result)[0] == StepName.PLAN_CHANGE
    assert names(result)[-1] == StepName.CONFIRM_ORDER
    assert outcome(steps, sale) == "done"


def test_a_group_that_is_run_again_answers_the_outcome_and_does_nothing(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand
) -> None:
    runner.run(CHANGE, sale)
    before = len(rows(steps, EventRow)), len(rows(steps, LedgerRow))
    again = runner.run(CHANGE, sale)
    assert again.ended is not None
    assert again.ended.state is ChangeState.DONE
    assert (len(rows(steps, EventRow)), len(rows(steps, LedgerRow))) == before


def test_a_group_ends_before_a_step_of_a_system_that_is_external_in_the_run(
    runner: GroupRunner, sale: GroupCommand
) -> None:
    outside = sale.model_copy(update={"external_systems": (System.PAYMENTS,)})
    result = runner.run(CHANGE, outside)
    assert names(result)[-1] == StepName.SWAP_OFFER_BUNDLE
    assert result.ended is None


def test_a_group_continues_after_what_is_recorded(runner: GroupRunner, sale: GroupCommand) -> None:
    outside = sale.model_copy(update={"external_systems": (System.PAYMENTS,)})
    first = runner.run(CHANGE, outside)
    known = len(first.steps)
    # The bank of this run is embedded after all, so that the rest can run.
    rest = runner.run(CHANGE, sale.model_copy(update={"known": known}))
    assert names(rest)[0] == StepName.AUTHORISE_PAYMENT
    assert names(rest)[-1] == StepName.CONFIRM_ORDER


def test_one_withdrawn_key_withdraws_the_whole_group(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand
) -> None:
    key = {"change": sale.change, "order": sale.order}
    StepExecutor(steps.components).undo(RESERVE_SEATS, ReserveSeatsCommand(**key, seats=1, services=()))
    with pytest.raises(WithdrawnError):
        runner.run(CHANGE, sale)
    assert rows(steps, LineRow) == []
    assert [row.state for row in rows(steps, StepRecordRow)] == ["withdrawn"]


def test_a_group_that_arrives_after_its_withdrawal_does_nothing(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand
) -> None:
    assert runner.withdraw(sale).steps == ()
    with pytest.raises(WithdrawnError):
        runner.run(CHANGE, sale)
    assert rows(steps, LineRow) == []
    assert outcome(steps, sale) == "waiting"


def test_a_withdrawal_tells_what_the_group_has_done(runner: GroupRunner, sale: GroupCommand) -> None:
    runner.run(CHANGE, sale.model_copy(update={"external_systems": (System.PAYMENTS,)}))
    withdrawn = runner.withdraw(sale)
    assert [each.step for each in withdrawn.steps] == [StepName.RESERVE_SEATS, StepName.SWAP_OFFER_BUNDLE]
    assert withdrawn.ended is None


def test_a_withdrawal_after_the_outcome_tells_the_outcome(runner: GroupRunner, sale: GroupCommand) -> None:
    runner.run(CHANGE, sale)
    withdrawn = runner.withdraw(sale)
    assert withdrawn.ended is not None
    assert withdrawn.ended.state is ChangeState.DONE


def test_a_refused_group_leaves_the_refusal_and_nothing_else(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps.components.inventory, "hold", sold_out)
    result = runner.run(CHANGE, sale)
    assert (result.refused, result.refused_step) == ("SOLD_OUT", StepName.RESERVE_SEATS)
    assert result.ended is not None
    assert (outcome(steps, sale), result.ended.state) == ("refused", "refused")
    assert rows(steps, LineRow) == []
    recorded = [(row.step, row.refusal is not None) for row in rows(steps, StepRecordRow)]
    checks = [StepName.PLAN_CHANGE, StepName.VALIDATE_TRAVELLERS, StepName.QUOTE_CHANGE]
    assert sorted(recorded) == sorted([*((check, False) for check in checks), (StepName.RESERVE_SEATS, True)])


def test_a_refusal_with_something_left_to_undo_records_no_outcome(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps.components.inventory, "hold", sold_out)
    result = runner.run(CHANGE, sale.model_copy(update={"alone": False}))
    assert (result.refused, result.ended) == ("SOLD_OUT", None)
    assert outcome(steps, sale) == "running"


def test_a_refused_group_is_refused_again(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = sale.model_copy(update={"alone": False})
    with monkeypatch.context() as patch:
        patch.setattr(steps.components.inventory, "hold", sold_out)
        runner.run(CHANGE, waiting)
    assert runner.run(CHANGE, waiting).refused == "SOLD_OUT"
    assert rows(steps, SeatHoldRow) == []


def sleep_before_refusing(
    runner: GroupRunner, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]
) -> None:
    """Let a worker sleep between a refusal and the record of it, while another attempt runs."""
    record_refusal = runner._record_refusal  # noqa: SLF001 - the moment between the two transactions

    def sleep(*arguments: Any) -> GroupResult | None:
        monkeypatch.undo()
        meanwhile()
        return record_refusal(*arguments)

    monkeypatch.setattr(runner, "_record_refusal", sleep)


@pytest.mark.parametrize("external", [(), (System.PAYMENTS,)], ids=["to its end", "to the bank"])
def test_a_refusal_is_not_recorded_when_another_attempt_has_done_the_step_meanwhile(
    steps: StepByStep,
    runner: GroupRunner,
    sale: GroupCommand,
    monkeypatch: pytest.MonkeyPatch,
    external: tuple[System, ...],
) -> None:
    command = sale.model_copy(update={"external_systems": external})
    monkeypatch.setattr(steps.components.inventory, "hold", sold_out)
    sleep_before_refusing(runner, monkeypatch, lambda: GroupRunner(steps.components).run(CHANGE, command))
    result = runner.run(CHANGE, command)
    assert result.refused is None
    assert StepName.SWAP_OFFER_BUNDLE in names(result) or result.ended is not None
    assert outcome(steps, sale) == ("running" if external else "done")
    assert [row.step for row in rows(steps, StepRecordRow) if row.refusal] == []


def test_a_refusal_is_not_recorded_when_another_attempt_has_ended_the_request_meanwhile(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_the_payment() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(steps.components.payments, "authorise", declined)
            GroupRunner(steps.components).run(CHANGE, sale)

    monkeypatch.setattr(steps.components.inventory, "hold", sold_out)
    sleep_before_refusing(runner, monkeypatch, refuse_the_payment)
    result = runner.run(CHANGE, sale)
    assert result.ended is not None
    assert (result.ended.state, result.ended.code) == (ChangeState.REFUSED, "PAYMENT_REFUSED")
    assert [row.step for row in rows(steps, StepRecordRow) if row.refusal] == [StepName.AUTHORISE_PAYMENT]


def test_a_final_step_that_refuses_before_the_commit_refuses_the_pivot_and_no_money_moves(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps.components.inventory, "confirm", hold_is_gone)
    result = runner.run(CHANGE, sale)
    assert (result.refused, outcome(steps, sale)) == ("HOLD_LOST", "refused")
    assert rows(steps, LedgerRow) == []
    refused = [row.step for row in rows(steps, StepRecordRow) if row.refusal]
    assert refused == [StepName.SETTLE_PRICE_DIFFERENCE]


def test_steps_that_are_undone_together_are_undone_in_one_transaction_or_not_at_all(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.run(CHANGE, sale.model_copy(update={"external_systems": (System.PAYMENTS,)}))
    key = {"change": sale.change, "order": sale.order}
    undos = [
        (SWAP_OFFER_BUNDLE.name, SwapOfferBundleCommand(**key)),
        (RESERVE_SEATS.name, ReserveSeatsCommand(**key, seats=1, services=())),
    ]
    together = UndoStepsCommand(**key, undos=[{"step": name, "command": each.model_dump()} for name, each in undos])
    undo = steps.activity(UNDO_STEPS)
    with monkeypatch.context() as patch:
        patch.setattr(steps.components.inventory, "release", hold_is_gone)
        with pytest.raises(Exception, match="HOLD_LOST"):
            undo(together)
        assert [row.undone for row in rows(steps, LineRow)] == [False]
    undo(together)
    assert [row.undone for row in rows(steps, LineRow)] == [True]
    assert rows(steps, SeatHoldRow) == []


def test_a_started_step_of_an_external_system_is_not_taken_for_done(
    steps: StepByStep, runner: GroupRunner, sale: GroupCommand
) -> None:
    outside = sale.model_copy(update={"external_systems": (System.SEATS,)})
    known = len(runner.run(CHANGE, outside).steps)
    with steps.components.store.write() as tx:
        key = {"change": sale.change, "order": sale.order}
        command = ReserveSeatsCommand(**key, seats=1, services=())
        step_records.record_started(tx, "default", NewRecord(command), steps.components.store.now())
    assert runner.run(CHANGE, outside.model_copy(update={"known": known})).steps == ()


def test_a_request_of_another_order_is_unknown(steps: StepByStep, runner: GroupRunner, sale: GroupCommand) -> None:
    result = runner.run(CONFIRM, sale.model_copy(update={"order": steps.create_order()}))
    assert result.ended is not None
    assert (result.ended.state, result.ended.code) == ("refused", "UNKNOWN_CHANGE")
    with steps.components.store.read() as tx:
        assert tx.exec(select(StepRecordRow).where(col(StepRecordRow.change) == sale.change)).all() == []


def sold_out(*_: Any) -> Any:
    raise NoSeatsLeftError


def declined(*_: Any) -> Any:
    raise PaymentDeclinedError


def hold_is_gone(*_: Any) -> Any:
    raise HoldIsGoneError


class OutsideOffers(EmbeddedOffers):
    """A catalogue outside of our database. The order may get an event while it is read."""

    external = True

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.store = store
        self.reads = 0
        self.moves_on: list[str] = []
        """The orders that get an event during the next reads."""

    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        """Read products, never within a transaction."""
        assert not self.store.in_transaction
        self.reads += 1
        if self.moves_on:
            with self.store.write() as tx:
                append(tx, lock_order(tx, self.moves_on.pop()), EventType.RETRY_REQUESTED, None, self.store.now(), {})
        return super().products(tenant, ids)


@pytest.fixture
def outside(steps: StepByStep) -> OutsideOffers:
    return OutsideOffers(steps.components.store)


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_an_external_catalogue_is_read_before_the_transaction_and_again_when_the_order_has_moved_on(
    steps: StepByStep, sale: GroupCommand, outside: OutsideOffers, moves: int
) -> None:
    outside.moves_on = [sale.order] * moves
    result = GroupRunner(replace(steps.components, offers=outside)).run(CHANGE, sale)
    assert (names(result)[-1], outside.reads) == (StepName.CONFIRM_ORDER, moves + 1)


def test_an_order_that_keeps_moving_on_is_a_busy_store_and_nothing_happens(
    steps: StepByStep, sale: GroupCommand, outside: OutsideOffers
) -> None:
    outside.moves_on = [sale.order] * 3
    with pytest.raises(StoreBusyError):
        GroupRunner(replace(steps.components, offers=outside)).run(CHANGE, sale)
    assert rows(steps, LineRow) == []


if __name__ == "__main__":
    PINNED.write_text(json.dumps(groups(), indent=1) + "\n")
