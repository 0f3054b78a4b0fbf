"""The seats of a paid change are gone: it gets other ones on the same service and ends done, paid for once."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from temporalio.client import WorkflowUpdateFailedError

from activities.support import final_attempts
from cli.faults.injection import Fault
from domain.refusals import OutcomeUnknown
from providers.errors import NoSeatsLeftError
from store.tables import ReservationRow, SeatHoldRow, StepRecordRow
from temporal.names import StepName
from tests.guarantees.test_after_reversal import reset_before_step
from tests.guarantees.test_recovery import reconcile_until_done
from tests.guarantees.test_reversal import (
    OUTSIDE,
    RUNS,
    WAIT,
    Run,
    Stuck,
    confirmed_part,
    dearer,
    get_stuck,
    reverse,
)
from tests.support.canary import ADULT
from tests.support.outside import Outside, be_down, running_outside
from tests.support.stock import DEARER_LIMITED, LIMITED, LIMITED_LINE, add_limited_products
from tests.support.stuck_orders import lose_holds, wait_until_step_is_stuck
from tests.support.world import CARD, Answer, World, add, replace
from workflows.saga import step_runner

pytestmark = pytest.mark.faults
REASON = {"reason": "the seats are gone"}
each_run = pytest.mark.parametrize("run", RUNS, ids=lambda each: each.__name__)
outside_seats = pytest.mark.parametrize("outside", ["seats", "both"], indirect=True, scope="module")


@pytest.fixture(scope="module", params=OUTSIDE)
async def outside(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, database_named: Callable[[str], str]
) -> AsyncIterator[Outside]:
    name = f"reseat-{request.param}-{database_kind}"
    seats, bank = OUTSIDE[str(request.param)]
    async with running_outside(database_named(name), temporal, name, seats=seats, bank=bank) as running:
        yield running


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(step_runner, "LOCAL_ATTEMPTS", 2)
    monkeypatch.setattr(final_attempts, "LATE_ANSWER", timedelta(0))


async def lose_seats(outside: Outside, order: str) -> None:
    """Let other customers have the seats that an order holds."""
    for service in lose_holds(outside.world, order):
        outside.clear()
        await outside.world.sold(ADULT, train=service)


async def get_stuck_without_seats(outside: Outside, run: Run) -> Stuck:
    """Start a change that is stuck after its money has moved, since others have its seats by now."""
    stuck = await get_stuck(outside, run)
    await lose_seats(outside, stuck.order)
    outside.clear()
    await wait_until_refused(outside.world, stuck)
    return stuck


async def wait_until_refused(world: World, stuck: Stuck) -> None:
    """Wait until no attempt of the confirmation is under way."""
    async with asyncio.timeout(30):
        while True:
            with suppress(OutcomeUnknown), world.components.store.read() as tx:
                final_attempts.check_not_confirmed(tx, stuck.order, stuck.change)
                return
            await asyncio.sleep(0.05)


async def send_reseat(world: World, order: str, key: str | None = None, **headers: str) -> Answer:
    return await world.post(f"/v1/orders/{order}/attention/reseat", REASON, key, **(WAIT | headers))


async def reseat(world: World, order: str) -> Answer:
    """Reseat, once no attempt of the confirmation is under way."""
    return await once_known(lambda: send_reseat(world, order))


async def reseat_until_accepted(world: World, order: str) -> None:
    """Send reseats, without waiting for the change, until one is not refused."""
    state = "refused"
    while state == "refused":
        change = (await send_reseat(world, order, Prefer="respond-async")).change
        state = (await world.send("GET", f"/v1/changes/{change}")).body["state"]
        while state in ("waiting", "running"):
            await asyncio.sleep(0.05)
            state = (await world.send("GET", f"/v1/changes/{change}")).body["state"]


async def once_known(send: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """Send a request again while an attempt of the stuck step is under way."""
    async with asyncio.timeout(30):
        while (answer := await send()).code == "OUTCOME_UNKNOWN":
            pass
    return answer


async def retry(world: World, order: str) -> None:
    """Retry a stuck step, unless it has been tried again by itself before."""
    await world.send("POST", f"/v1/orders/{order}/attention/retry-now", REASON)


def seats_of(world: World, order: str) -> dict[str, tuple[str, str, int, int]]:
    """Return what an order has by the id of its reservation: state, service, coach and seat."""
    with world.components.store.read() as tx:
        of_order = (ReservationRow.order_number == order, ReservationRow.state != "released")
        rows = tx.exec(select(ReservationRow).where(*of_order)).all()
        return {row.id: (row.state, row.service or "", row.coach or 0, row.seat or 0) for row in rows}


def inventory_of(world: World, order: str) -> list[tuple[str, str, int, int]]:
    """Return what the inventory has under the keys of an order's changes."""
    ids = {row.id for row in world.changes_of(order)}
    with world.components.store.read() as tx:
        rows = [row for row in tx.exec(select(SeatHoldRow)) if row.key.partition("/")[0] in ids]
        return sorted((row.state, row.service, row.coach, row.seat) for row in rows)


def assert_books_agree(world: World, order: str) -> None:
    """See that our seats are those of the inventory, and our payments those of the bank, each once."""
    assert sorted(seats_of(world, order).values()) == inventory_of(world, order)
    assert world.at_most_once(order)


async def events_of(world: World, order: str) -> list[str]:
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    return [each["type"] for each in events]


async def assert_done(outside: Outside, stuck: Stuck, before: dict[str, tuple[str, str, int, int]]) -> None:
    """See that a reseated change is done: other seats under the same ids, paid once, both books alike."""
    world, order = outside.world, stuck.order
    after = seats_of(world, order)
    assert {each[0] for each in after.values()} == {"confirmed"}
    moved = {name: seat for name, seat in before.items() if seat[0] == "held" and name in after}
    assert moved
    for name, (_, service, coach, seat) in moved.items():
        assert after[name][1] == service
        assert after[name][2:] != (coach, seat)
    assert_books_agree(world, order)
    events = await events_of(world, order)
    assert events.count("change_reversed") == 0
    assert (await world.show(order))["draft"] is None
    await world.wait_for_end(order)


@each_run
async def test_a_reseated_change_is_done_with_other_seats_under_the_same_ids(outside: Outside, run: Run) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, run)
    before, paid = seats_of(world, stuck.order), outside.bank_book(stuck.order)
    answer = await reseat(world, stuck.order)
    assert (answer.status, answer.body.get("state")) == (200, "done"), answer.body
    request = await stuck.request
    assert (request.status, request.body["state"]) == (200, "done")
    await assert_done(outside, stuck, before)
    assert outside.bank_book(stuck.order) == paid
    events = await events_of(world, stuck.order)
    assert events.count("seats_reassigned") == 1
    assert events.count("order_confirmed") == (await world.show(stuck.order))["confirmed_version"]


@outside_seats
@pytest.mark.parametrize("step", [StepName.BEGIN_RESEAT, StepName.RESEAT])
async def test_a_run_that_is_reset_to_before_the_reseat_of_a_done_change_does_nothing(
    outside: Outside, step: StepName
) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, dearer)
    before = seats_of(world, stuck.order)
    assert (await reseat(world, stuck.order)).body["state"] == "done"
    assert (await stuck.request).body["state"] == "done"
    await assert_done(outside, stuck, before)
    after, paid = seats_of(world, stuck.order), outside.bank_book(stuck.order)
    await reset_before_step(world, stuck.order, step)
    async with asyncio.timeout(20):
        await world.wait_for_end(stuck.order)
    assert (seats_of(world, stuck.order), outside.bank_book(stuck.order)) == (after, paid)
    assert (await world.send("GET", f"/v1/changes/{stuck.change}")).body["state"] == "done"
    assert world.at_most_once(stuck.order)


async def test_without_other_seats_the_change_stays_a_case_with_every_way_out(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, dearer)
    before = seats_of(world, stuck.order)
    outside.seats.before["hold"] = be_sold_out
    answer = await reseat(world, stuck.order)
    assert (answer.status, answer.code) == (409, "SOLD_OUT")
    assert seats_of(world, stuck.order) == before
    await wait_until_step_is_stuck(world, stuck.order, StepName.CONFIRM_SEATS)
    cases = (await world.send("GET", "/v1/attention")).body["stuck"]
    assert stuck.order in [each["order"] for each in cases]
    outside.clear()
    assert (await reseat(world, stuck.order)).body["state"] == "done"
    assert (await stuck.request).body["state"] == "done"
    await assert_done(outside, stuck, before)
    assert outside.world.changes_of(stuck.order)


def be_sold_out() -> None:
    raise NoSeatsLeftError


async def test_a_change_that_could_not_be_reseated_is_reversed(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, dearer)
    outside.seats.before["hold"] = be_sold_out
    assert (await reseat(world, stuck.order)).code == "SOLD_OUT"
    await assert_reversed(outside, stuck)


async def assert_reversed(outside: Outside, stuck: Stuck) -> None:
    """Reverse a stuck change and see that the confirmed version stands, refunded, in both books."""
    world = outside.world
    answer = await once_known(lambda: reverse(world, stuck.order))
    assert (answer.status, answer.body.get("state")) == (200, "done"), answer.body
    assert (await stuck.request).code == "REVERSED"
    assert await confirmed_part(world, stuck.order) == stuck.before
    assert_books_agree(world, stuck.order)
    book = outside.bank_book(stuck.order)
    assert [each[2] for each in book] == [0, book[-1][1]]
    await world.wait_for_end(stuck.order)


async def get_stuck_again(outside: Outside, stuck: Stuck) -> None:
    """Reseat a stuck change, whose other seats are gone too."""
    world = outside.world
    outside.seats.before["confirm"] = lambda: lose_holds_in_step(world, stuck.order)
    assert (await reseat(world, stuck.order)).body["state"] == "done"
    await wait_until_step_is_stuck(world, stuck.order, StepName.CONFIRM_SEATS)


def lose_holds_in_step(world: World, order: str) -> None:
    """Let the inventory say that the holds are gone; when it is in our database, its transaction is rolled back."""
    lose_holds(world, order)


async def test_a_change_is_reseated_as_often_as_its_seats_are_gone(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, dearer)
    before = seats_of(world, stuck.order)
    await get_stuck_again(outside, stuck)
    await lose_seats(outside, stuck.order)
    outside.clear()
    assert (await reseat(world, stuck.order)).body["state"] == "done"
    assert (await stuck.request).body["state"] == "done"
    await assert_done(outside, stuck, before)
    assert (await events_of(world, stuck.order)).count("seats_reassigned") == 2
    with world.components.store.read() as tx:
        of_step = (StepRecordRow.change == stuck.change, StepRecordRow.step == StepName.CONFIRM_SEATS)
        records = tx.exec(select(StepRecordRow.key, StepRecordRow.state).where(*of_step)).all()
    key = f"{stuck.change}/confirm_seats"
    assert dict(records) == {key: "withdrawn", f"{key}/1": "withdrawn", f"{key}/2": "done"}


async def test_a_reseated_change_that_is_stuck_again_is_reversed_with_its_other_seats(outside: Outside) -> None:
    stuck = await get_stuck_without_seats(outside, dearer)
    await get_stuck_again(outside, stuck)
    await assert_reversed(outside, stuck)


async def test_a_reseat_and_a_reversal_at_once_leave_one_outcome(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, dearer)
    before = seats_of(world, stuck.order)
    seated, reversal = await asyncio.gather(reseat(world, stuck.order), once_known(lambda: reverse(world, stuck.order)))
    request = await stuck.request
    if request.code == "REVERSED":
        assert reversal.body["state"] == "done"
        assert seated.code in ("NOTHING_TO_RESEAT", "REVERSED") or seated.body["state"] == "done"
        assert await confirmed_part(world, stuck.order) == stuck.before
        assert_books_agree(world, stuck.order)
    else:
        assert (seated.body["state"], reversal.status) == ("done", 409)
        await assert_done(outside, stuck, before)
    await world.wait_for_end(stuck.order)


async def test_one_reseat_is_done_of_several_at_once(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, dearer)
    before, key = seats_of(world, stuck.order), str(uuid.uuid4())
    answers = await asyncio.gather(
        *(send_reseat(world, stuck.order, key) for _ in range(2)), *(reseat(world, stuck.order) for _ in range(2))
    )
    assert len({each.change for each in answers if each.status == 200}) == 1
    refused = {each.code for each in answers if each.status != 200}
    assert refused <= {"NOTHING_TO_RESEAT", "OUTCOME_UNKNOWN", "SEATS_CONFIRMED"}
    assert (await stuck.request).body["state"] == "done"
    await assert_done(outside, stuck, before)
    assert (await events_of(world, stuck.order)).count("seats_reassigned") == 1


async def test_there_is_nothing_to_reseat_on_an_order_that_is_not_stuck(outside: Outside) -> None:
    world = outside.world
    outside.clear()
    order, _ = await world.open_draft()
    answer = await reseat(world, order)
    assert (answer.status, answer.code) == (409, "NOTHING_TO_RESEAT")
    assert (await reseat(world, "26-999999")).status == 404
    assert (await world.discard(order)).status == 200


@outside_seats
async def test_a_change_is_not_reseated_while_the_provider_may_have_confirmed_its_seats(
    outside: Outside,
) -> None:
    world = outside.world
    stuck = await get_stuck(outside, dearer, act=be_down)
    answer = await send_reseat(world, stuck.order)
    assert (answer.status, answer.code) == (409, "OUTCOME_UNKNOWN")
    page = (await world.http.get(f"/desk/orders/{stuck.order}/reseat")).text
    assert "Whether the provider has done the stuck step is not known." in page
    outside.clear()
    await retry(world, stuck.order)
    assert (await stuck.request).body["state"] == "done"


@outside_seats
async def test_a_reversal_overtakes_a_reseat_whose_provider_does_not_answer(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, dearer)
    outside.seats.after["hold"] = be_down  # it holds, and its answer is lost
    request = asyncio.create_task(reseat(world, stuck.order))
    await wait_until_step_is_stuck(world, stuck.order, StepName.RESEAT)
    assert (await reseat(world, stuck.order)).code == "NOTHING_TO_RESEAT"
    by_hand = await world.send("POST", f"/v1/orders/{stuck.order}/attention/done-by-hand", REASON)
    assert (by_hand.status, by_hand.code) == (409, "NOT_BY_HAND")
    await assert_reversed(outside, stuck)
    assert (await request).code == "REVERSED"


MOMENTS = [
    (StepName.BEGIN_RESEAT, Fault.PAUSED),
    (StepName.BEGIN_RESEAT, Fault.PAUSED_AFTER),
    (StepName.RESEAT, Fault.PAUSED),
    (StepName.RESEAT, Fault.PAUSED_AFTER),
    (StepName.RECORD_OUTCOME, Fault.PAUSED),
    (StepName.CONFIRM_ORDER, Fault.PAUSED),
]


@pytest.mark.parametrize(("step", "moment"), MOMENTS)
async def test_a_reseat_whose_run_is_terminated_is_finished_by_the_next(
    outside: Outside, step: str, moment: Fault
) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, dearer)
    before = seats_of(world, stuck.order)
    armed = world.faults.arm(stuck.order, step, moment)
    request = asyncio.create_task(reseat_until_accepted(world, stuck.order))
    await asyncio.wait_for(armed.reached.wait(), 20)
    await world.workflow(stuck.order).terminate("terminated by mistake")
    armed.go_on.set()
    world.faults.clear()
    request.cancel()
    stuck.request.cancel()
    seated = max((row for row in world.changes_of(stuck.order) if row.kind == "reseat"), key=lambda row: row.created_at)
    for row in world.changes_of(stuck.order):
        world.backdate(row.id)
    if await reconcile_until_done(world, seated.id) == "refused":
        # An attempt of the terminated run was still under way.
        assert (await reseat(world, stuck.order)).body["state"] == "done"
    assert await reconcile_until_done(world, stuck.change) == "done"
    await assert_done(outside, stuck, before)
    assert (await events_of(world, stuck.order)).count("seats_reassigned") == 1


async def with_stock(world: World) -> tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]:
    add_limited_products(world)
    order = await world.order()
    bundle = await world.offer(LIMITED, ADULT, service=world.train(line=LIMITED_LINE))
    assert (await world.change(order, add(bundle, ADULT), confirm=True, payment=CARD)).status == 200
    other = await world.offer(DEARER_LIMITED, ADULT, service=world.train(line=LIMITED_LINE))
    operation = replace(await world.lines(order), other)
    return order, lambda: world.change(order, operation, confirm=True, payment=CARD, **WAIT)


async def test_units_of_stock_that_are_gone_are_replaced_as_well(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck(outside, with_stock)
    lose_holds(world, stuck.order)
    outside.clear()
    answer = await reseat(world, stuck.order)
    assert (answer.status, answer.body.get("state")) == (200, "done"), answer.body
    assert (await stuck.request).body["state"] == "done"
    assert len(seats_of(world, stuck.order)) == 2
    assert world.at_most_once(stuck.order)


async def test_an_operator_reseats_in_temporal_with_a_reason(outside: Outside) -> None:
    world = outside.world
    stuck = await get_stuck_without_seats(outside, dearer)
    with pytest.raises(WorkflowUpdateFailedError):
        await world.workflow(stuck.order).execute_update("reseat", {})
    result = await world.workflow(stuck.order).execute_update("reseat", REASON)
    assert result["state"] == "done"
    assert (await stuck.request).body["state"] == "done"
    requests = [row for row in world.changes_of(stuck.order) if row.kind == "reseat"]
    assert [(row.state, row.route) for row in requests] == [("done", "temporal-update")]
