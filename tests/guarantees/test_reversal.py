"""An operator reverses a change that is stuck after its point of no return: refunded, and the old version stands."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from temporalio.client import WorkflowUpdateFailedError

from activities.flows import CHANGE, CONFIRM
from activities.payments import SETTLE_PRICE_DIFFERENCE
from activities.reversals import FINALS
from activities.support import final_attempts
from activities.support.step_kinds import Final
from cli.faults.injection import Fault
from providers.embedded.payments import REFUSE_CAPTURE, REFUSE_REFUND
from providers.errors import HoldIsGoneError
from store.changes import unfinished
from store.tables import SeatHoldRow, StepRecordRow
from temporal.names import StepName, System
from tests.guarantees.test_recovery import reconcile_until_done
from tests.support.canary import ADULT, CHILD
from tests.support.outside import Outside, be_down, running_outside
from tests.support.stuck_orders import wait_until_step_is_stuck
from tests.support.world import CARD, Answer, Json, World, add, replace
from workflows.saga import step_runner

pytestmark = pytest.mark.faults

WAIT = {"Prefer": "wait=30"}
OUTSIDE = {"seats": (True, False), "bank": (False, True), "both": (True, True), "none": (False, False)}
ATTEMPTS = 6
REASON = {"reason": "no seats are left"}
Run = Callable[[World], Coroutine[Any, Any, tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]]]


@pytest.fixture(scope="module", params=OUTSIDE)
async def outside(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, database_named: Callable[[str], str]
) -> AsyncIterator[Outside]:
    name = f"outside-{request.param}-{database_kind}"
    seats, bank = OUTSIDE[str(request.param)]
    async with running_outside(database_named(name), temporal, name, seats=seats, bank=bank) as running:
        yield running


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(step_runner, "LOCAL_ATTEMPTS", 2)


async def first_sale(world: World) -> tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    return order, lambda: world.change(order, add(bundle, ADULT), confirm=True, payment=CARD, **WAIT)


async def dearer(world: World) -> tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]:
    order = await world.sold(ADULT)
    return order, lambda: world.upgrade(order, confirm=True, payment=CARD, **WAIT)


async def draft_of_three_changes_with_two_payments(
    world: World,
) -> tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]:
    order = await world.sold(ADULT)
    for _ in range(2):
        assert (await world.upgrade(order)).status == 200
    bundle = await world.offer("standard", CHILD, service=world.train())
    assert (await world.change(order, add(bundle, CHILD))).status == 200
    assert (await world.pay(order, "40.00")).status == 200
    return order, lambda: world.post(f"/v1/orders/{order}/confirm", {"payment": CARD}, **WAIT)


RUNS: list[Run] = [first_sale, dearer, draft_of_three_changes_with_two_payments]
each_run = pytest.mark.parametrize("run", RUNS, ids=lambda each: each.__name__)


@dataclass
class Stuck:
    """A change that is stuck after its settlement, and the order before it."""

    order: str
    change: str
    request: "asyncio.Task[Answer]"
    before: Json
    bank: list[tuple[int, int, int, bool]]


def be_gone() -> None:
    raise HoldIsGoneError


async def confirmed_part(world: World, order: str) -> Json:
    """Return what must be as before after a reversal: the confirmed version, its seats and its money."""
    shown = await world.show(order)
    parts = ("status", "version", "confirmed_version", "lines", "travellers", "reservations", "paid", "draft")
    return {name: shown[name] for name in parts if name in shown}


async def get_stuck(outside: Outside, run: Run, *, act: Callable[[], object] = be_gone) -> Stuck:
    """Start a change whose seats are gone once its money has moved."""
    world = outside.world
    outside.clear()
    order, send = await run(world)
    before, bank = await confirmed_part(world, order), outside.bank_book(order)
    if not world.components.external_systems:
        world.faults.break_groups(order)
    outside.seats.before["confirm"] = act
    request = asyncio.create_task(send())
    await wait_until_step_is_stuck(world, order, StepName.CONFIRM_SEATS)
    (change,) = [row.id for row in world.changes_of(order) if row.outcome is None]
    if act is be_gone and System.SEATS in world.components.external_systems:
        await wait_for_pause(world, change)
    return Stuck(order, change, request, before, bank)


async def wait_for_pause(world: World, change: str) -> None:
    """Wait until the inventory has refused the final step so often that the next attempt is a while away."""
    async with asyncio.timeout(30):
        while True:
            with world.components.store.read() as tx:
                record = tx.get_one(StepRecordRow, f"{change}/{StepName.CONFIRM_SEATS}")
                if record.attempts >= ATTEMPTS and record.unanswered is None:
                    return
            await asyncio.sleep(0.05)


async def reverse(world: World, order: str, **headers: str) -> Answer:
    return await world.post(f"/v1/orders/{order}/attention/reverse", REASON, **(WAIT | headers))


def test_a_reversal_withdraws_every_final_step_that_follows_a_settlement() -> None:
    for flow in (CHANGE, CONFIRM):
        after = flow.steps[flow.steps.index(SETTLE_PRICE_DIFFERENCE) :]
        finals = [each for each in after if isinstance(each, Final) and each.keeps_record]
        assert {*FINALS} >= {each for each in finals if each.name != StepName.RELEASE_REPLACED_SEATS}


@each_run
async def test_a_reversed_change_is_refunded_and_the_confirmed_version_stands(outside: Outside, run: Run) -> None:
    world = outside.world
    stuck = await get_stuck(outside, run)
    captured = sum(each[1] for each in outside.bank_book(stuck.order)) - sum(each[1] for each in stuck.bank)
    assert captured > 0
    answer = await reverse(world, stuck.order)
    assert (answer.status, answer.body.get("state")) == (200, "done"), answer.body
    request = await stuck.request
    assert (request.status, request.code) == (409, "REVERSED")
    assert world.at_most_once(stuck.order)
    book = outside.bank_book(stuck.order)
    assert sum(each[2] for each in book) == captured
    confirmed = {**stuck.before}
    if run is draft_of_three_changes_with_two_payments:
        # The draft is taken off with the confirmation that failed.
        assert (await world.show(stuck.order))["draft"] is None
        confirmed = {"status": "confirmed", "confirmed_version": 1}
    shown = await confirmed_part(world, stuck.order)
    assert {name: shown[name] for name in confirmed if name in shown} == confirmed
    assert {each["state"] for each in shown["reservations"]} <= {"confirmed"}
    assert outside.seat_book([stuck.change]) == []
    events = (await world.send("GET", f"/v1/orders/{stuck.order}/history")).body["events"]
    assert [each["type"] for each in events].count("change_reversed") == 1
    assert [each["type"] for each in events].count("order_confirmed") == (run is not first_sale)
    await world.wait_for_end(stuck.order)


async def draft_of_which_a_capture_went_back(
    world: World,
) -> tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]:
    order = await world.sold(ADULT)
    assert (await world.upgrade(order)).status == 200
    assert (await world.pay(order, "40.00")).status == 200
    refused = await world.confirm(order, {"method": "card", "token": REFUSE_CAPTURE})
    assert (refused.status, refused.code) == (402, "PAYMENT_REFUSED")
    return order, lambda: world.post(f"/v1/orders/{order}/confirm", {"payment": CARD}, **WAIT)


async def test_a_capture_that_went_back_before_is_no_part_of_a_reversal(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck(outside, draft_of_which_a_capture_went_back)
    answer = await reverse(world, stuck.order)
    assert (answer.status, answer.body.get("state")) == (200, "done"), answer.body
    assert (await stuck.request).code == "REVERSED"
    book = outside.bank_book(stuck.order)
    assert all(captured == refunded for _, captured, refunded, _ in book[1:])
    await world.wait_for_end(stuck.order)
    with world.components.store.read() as tx:
        assert stuck.order not in unfinished.orders_partially_undone(tx)
    shown = await world.show(stuck.order)
    assert (shown["draft"], shown["confirmed_version"], shown["paid"]) == (None, 1, "299.00")


outside_seats = pytest.mark.parametrize("outside", ["seats", "both"], indirect=True, scope="module")


async def complete(outside: Outside, stuck: Stuck) -> None:
    """Let the stuck change go forward, and see that it ends as the new order."""
    outside.clear()
    # It may be tried again by itself before.
    retried = await outside.world.send("POST", f"/v1/orders/{stuck.order}/attention/retry-now", REASON)
    assert (retried.status, retried.code) in ((204, None), (409, "NOTHING_STUCK"))
    answer = await stuck.request
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert outside.world.at_most_once(stuck.order)


async def cheaper(world: World) -> tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]:
    order = await world.sold(ADULT, product="flexible")
    bundle = await world.offer("standard", ADULT, service=world.train())
    operation = replace(await world.lines(order), bundle)
    return order, lambda: world.change(order, operation, confirm=True, refund_price_difference=True, **WAIT)


async def test_a_change_that_has_paid_money_back_is_not_reversed(outside: Outside) -> None:
    stuck = await get_stuck(outside, cheaper)
    answer = await reverse(outside.world, stuck.order)
    assert (answer.status, answer.code) == (409, "MONEY_PAID_BACK")
    await complete(outside, stuck)


@outside_seats
async def test_a_change_is_not_reversed_while_the_provider_may_have_confirmed_its_seats(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer, act=be_down)
    answer = await reverse(world, stuck.order)
    assert (answer.status, answer.code) == (409, "OUTCOME_UNKNOWN")
    # The provider refuses now, but the call before may still take effect.
    outside.seats.before["confirm"] = be_gone
    calls = outside.seats.calls["confirm"]
    assert (await world.send("POST", f"/v1/orders/{stuck.order}/attention/retry-now", REASON)).status == 204
    await wait_for_call(outside, "confirm", calls)
    answer = await reverse(world, stuck.order)
    assert (answer.status, answer.code) == (409, "OUTCOME_UNKNOWN")
    monkeypatch.setattr(final_attempts, "LATE_ANSWER", timedelta(0))
    answer = await reverse(world, stuck.order)
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert (await stuck.request).code == "REVERSED"


async def wait_for_call(outside: Outside, call: str, since: int) -> None:
    """Wait until a call that began after `since` calls has been answered, and another one has begun."""
    async with asyncio.timeout(20):
        while outside.seats.calls[call] < since + 2:  # noqa: ASYNC110 - a thread counts
            await asyncio.sleep(0.05)


@outside_seats
async def test_a_change_whose_seats_are_being_confirmed_is_not_reversed_and_goes_forward(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer)
    under_way, go_on = threading.Event(), threading.Event()

    def answer_late() -> None:
        under_way.set()
        assert go_on.wait(20)

    outside.seats.before["confirm"] = answer_late
    assert (await world.send("POST", f"/v1/orders/{stuck.order}/attention/retry-now", REASON)).status == 204
    assert await asyncio.to_thread(under_way.wait, 20)
    answer = await reverse(world, stuck.order)
    assert (answer.status, answer.code) == (409, "OUTCOME_UNKNOWN")
    go_on.set()
    request = await stuck.request
    assert (request.status, request.body["state"]) == (200, "done")
    again = await reverse(world, stuck.order)
    assert (again.status, again.code) == (409, "NOTHING_TO_REVERSE")


@outside_seats
async def test_a_change_is_not_reversed_when_the_old_seats_may_be_somebody_elses(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer)
    with world.components.store.write() as tx:
        (sale,) = [row.id for row in world.changes_of(stuck.order) if row.state == "done" and row.kind == "change"]
        (sold,) = tx.exec(select(SeatHoldRow).where(SeatHoldRow.key == f"{sale}/reserve_seats")).all()
        forgotten = sold.model_dump()
        tx.delete(sold)
    answer = await reverse(world, stuck.order)
    assert (answer.status, answer.code) == (409, "OLD_SEATS_UNKNOWN")
    page = (await world.http.get(f"/desk/orders/{stuck.order}/reverse")).text
    assert "It is not known whether the seats of the confirmed version are still" in page
    with world.components.store.write() as tx:
        tx.add(SeatHoldRow(**forgotten))
    await complete(outside, stuck)


async def test_there_is_nothing_to_reverse_on_an_order_that_is_not_stuck(outside: Outside) -> None:
    world = outside.world
    outside.clear()
    order, _ = await world.open_draft()
    answer = await reverse(world, order)
    assert (answer.status, answer.code) == (409, "NOTHING_TO_REVERSE")
    sold = await world.sold(ADULT)
    answer = await reverse(world, sold)
    assert (answer.status, answer.code) == (409, "NOTHING_TO_REVERSE")
    assert (await reverse(world, "26-999999")).status == 404
    assert (await world.discard(order)).status == 200


async def sale_by_a_card_that_takes_no_refund(world: World) -> tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    card = {"method": "card", "token": REFUSE_REFUND}
    return order, lambda: world.change(order, add(bundle, ADULT), confirm=True, payment=card, **WAIT)


async def test_what_no_card_takes_back_of_a_reversed_change_is_owed_to_the_customer(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck(outside, sale_by_a_card_that_takes_no_refund)
    answer = await reverse(world, stuck.order)
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert answer.body["warnings"][0]["code"] == "REFUND_OWED"
    assert (await stuck.request).code == "REVERSED"
    refunds = (await world.send("GET", "/v1/attention")).body["refunds_owed"]
    assert stuck.order in [each["order"] for each in refunds]


async def test_a_reversal_under_one_key_is_done_once_and_a_second_one_finds_nothing(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer)
    key = str(uuid.uuid4())
    path = f"/v1/orders/{stuck.order}/attention/reverse"
    answers = await asyncio.gather(
        *(world.post(path, REASON, key, **WAIT) for _ in range(2)), world.post(path, REASON, **WAIT)
    )
    assert sorted(each.status for each in answers) in ([200, 200, 409], [200, 409, 409])
    assert {each.code for each in answers if each.status == 409} == {"NOTHING_TO_REVERSE"}
    assert (await stuck.request).code == "REVERSED"
    book = outside.bank_book(stuck.order)
    assert [each[2] for each in book] == [0, book[-1][1]]
    assert world.at_most_once(stuck.order)


async def test_an_operator_reverses_in_temporal_with_a_reason(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer)
    with pytest.raises(WorkflowUpdateFailedError):
        await world.workflow(stuck.order).execute_update("reverse", {})
    result = await world.workflow(stuck.order).execute_update("reverse", REASON)
    assert result["state"] == "done"
    assert (await stuck.request).code == "REVERSED"
    requests = [row for row in world.changes_of(stuck.order) if row.kind == "reverse"]
    assert [(row.state, row.route) for row in requests] == [("done", "temporal-update")]


async def test_an_order_whose_change_was_reversed_is_changed_as_any_other(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer)
    assert (await reverse(world, stuck.order)).status == 200
    assert (await stuck.request).code == "REVERSED"
    outside.clear()
    world.faults.clear()
    answer = await world.upgrade(stuck.order, confirm=True, payment=CARD, **WAIT)
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert (await world.show(stuck.order))["confirmed_version"] == 2


MOMENTS = [
    (StepName.BEGIN_REVERSAL, Fault.PAUSED),
    (StepName.BEGIN_REVERSAL, Fault.PAUSED_AFTER),
    (StepName.REFUND_CAPTURES, Fault.PAUSED),
    (StepName.REFUND_CAPTURES, Fault.PAUSED_AFTER),
    (StepName.RESTORE_OFFER_BUNDLE, Fault.PAUSED),
    (StepName.RELEASE_SEATS, Fault.PAUSED_AFTER),
    (StepName.END_REVERSAL, Fault.PAUSED),
    (StepName.END_REVERSAL, Fault.PAUSED_AFTER),
]


@pytest.mark.parametrize(("step", "moment"), MOMENTS)
async def test_a_reversal_whose_run_is_terminated_is_finished_by_the_next(
    outside: Outside, step: str, moment: Fault
) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer)
    armed = world.faults.arm(stuck.order, step, moment)
    request = asyncio.create_task(reverse(world, stuck.order, Prefer="respond-async"))
    await asyncio.wait_for(armed.reached.wait(), 20)
    await world.workflow(stuck.order).terminate("terminated by mistake")
    armed.go_on.set()
    world.faults.clear()
    # Its run was terminated: it may have any answer, or none.
    with suppress(Exception):
        await request
    stuck.request.cancel()
    (reversal,) = [row.id for row in world.changes_of(stuck.order) if row.kind == "reverse"]
    for row in world.changes_of(stuck.order):
        world.backdate(row.id)
    assert await reconcile_until_done(world, reversal) == "done"
    assert await reconcile_until_done(world, stuck.change) == "undone"
    await world.wait_for_end(stuck.order)
    assert await confirmed_part(world, stuck.order) == stuck.before
    book = outside.bank_book(stuck.order)
    assert [each[2] for each in book] == [0, book[-1][1]]
    assert world.at_most_once(stuck.order)
