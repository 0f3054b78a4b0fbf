"""One queue per order: requests run one after the other, and none is lost or run twice."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from cli.faults.injection import Armed, Fault
from domain.changes import ChangeKind
from temporal.names import StepName
from tests.support.canary import ADULT, CHILD
from tests.support.world import CARD, Answer, World, add, replace


async def test_two_changes_on_one_order_at_once_both_run_one_after_the_other(world: World) -> None:
    order = await world.sold(ADULT)
    trains = [world.train() for _ in range(2)]
    bundles = [await world.offer("standard", CHILD, service=train) for train in trains]
    answers = await asyncio.gather(*(world.change(order, add(bundle, CHILD)) for bundle in bundles))
    assert [answer.status for answer in answers] == [200, 200]
    shown = await world.show(order)
    assert (len(shown["lines"]), shown["version"]) == (3, 2)
    assert {seat["service"] for seat in shown["reservations"]} > set(trains)


async def test_six_requests_may_wait_and_each_of_them_runs_once(world: World) -> None:
    order = await world.sold(ADULT)
    bundles = [await world.offer("standard", CHILD, service=world.train()) for _ in range(7)]
    answers = await asyncio.gather(*(world.change(order, add(bundle, CHILD)) for bundle in bundles))
    assert [answer.status for answer in answers] == [200] * 7
    assert len((await world.show(order))["lines"]) == 8


async def test_requests_that_reach_a_run_that_is_ending_open_the_next_one(world: World) -> None:
    order = await world.order()
    bundles = [await world.offer("standard", CHILD, service=world.train()) for _ in range(8)]
    for start in range(0, len(bundles), 2):
        pair = bundles[start : start + 2]
        requests = [world.change(order, add(bundle, CHILD), confirm=True, payment=CARD) for bundle in pair]
        assert [answer.status for answer in await asyncio.gather(*requests)] == [200, 200]
    shown = await world.show(order)
    assert (len(shown["lines"]), shown["version"], shown["balance"]) == (8, 8, "0.00")


@pytest.mark.only_on("sqlite")  # the wait is ten real seconds
async def test_a_request_that_waits_too_long_is_refused_and_never_runs_later(world: World) -> None:
    order, first, armed = await make_busy(world)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    late = await world.change(order, replace([f"{order}-1"], bundle), key="late-one", Prefer="wait=20")
    assert (late.status, late.code) == (423, "ORDER_BUSY")
    assert "retry-after" in late.headers
    armed.go_on.set()
    assert (await first).status == 200
    before = world.snapshot(order)
    again = await world.change(order, replace([f"{order}-1"], bundle), key="late-one")
    assert (again.status, again.code) == (423, "ORDER_BUSY")
    assert world.snapshot(order) == before


@pytest.mark.only_on("postgres")  # likewise
async def test_a_seventh_request_is_refused_by_the_full_queue_and_closed(world: World) -> None:
    order, first, armed = await make_busy(world)
    bundles = [await world.offer("standard", CHILD, service=world.train()) for _ in range(7)]
    waiting = [asyncio.create_task(world.change(order, add(each, CHILD), Prefer="wait=30")) for each in bundles[:6]]
    async with world.with_short_submit_timeout() as short_waiting:
        await world.wait_until_queued(order, 6)
        seventh = await short_waiting.change(order, add(bundles[6], CHILD))
    assert (seventh.status, seventh.code) == (423, "ORDER_BUSY")
    armed.go_on.set()
    assert (await first).status == 200
    assert {(await each).status for each in waiting} == {200}
    assert len((await world.show(order))["lines"]) == 7


async def make_busy(world: World) -> tuple[str, "asyncio.Task[Answer]", Armed]:
    """Return an order with a change in progress that holds the order's lock until the fault is released."""
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    armed = world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.HELD)
    call = world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=CARD, Prefer="wait=30")
    first = asyncio.create_task(call)
    await asyncio.wait_for(armed.reached.wait(), 20)
    return order, first, armed


async def test_the_same_new_order_many_times_at_once_is_one_order(world: World) -> None:
    body = {"currency": "NOK", "external_reference": "duplicate"}
    answers = await asyncio.gather(*(world.post("/v1/orders", body, key="same-orders") for _ in range(8)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["number"] for answer in answers}) == 1


async def test_an_operator_confirms_and_extends_by_hand_from_the_web_ui(world: World) -> None:
    order = await world.sold(ADULT)
    await world.upgrade(order)
    handle = world.workflow(order)
    deadline = f"{world.components.store.now() + timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}"
    extended = await handle.execute_update("extend", {"expires_at": deadline}, id="by-hand-extend")
    assert extended["state"] == "done"
    assert (await world.show(order))["expires_at"] == deadline
    refused = await handle.execute_update("confirm", {"reason": "as they asked"}, id="by-hand-confirm")
    assert (refused["state"], refused["code"]) == ("refused", "BALANCE_NOT_ZERO")
    discarded = await handle.execute_update("discard", {}, id="by-hand-discard")
    assert discarded["state"] == "done"
    shown = (await world.send("GET", f"/v1/changes/{discarded['change']}")).body
    assert (shown["kind"], shown["state"]) == (ChangeKind.DISCARD, "done")
    assert (await world.show(order))["status"] == "confirmed"


async def test_a_deadline_moved_by_hand_must_be_in_the_future_and_within_six_months(world: World) -> None:
    order, _ = await world.open_draft()
    before = (await world.show(order))["expires_at"]
    in_the_past = {"expires_at": "2026-01-01T00:00:00Z"}
    for body, code in (({}, "NEEDS_DEADLINE"), (in_the_past, "NEEDS_DEADLINE"), ({"minutes": 10**6}, "INVALID_DATA")):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await world.workflow(order).execute_update("extend", body)
        assert code in str(refused.value.cause)
    assert (await world.show(order))["expires_at"] == before
    await world.workflow(order).execute_update("extend", {"minutes": 45})
    assert (await world.show(order))["expires_at"] > before
    await world.discard(order)
