"""A railway that does not do what is requested at once, or for nothing.

Until it has done a sale or release nothing of ours says that it is done, and no price is ever agreed to.
"""

import asyncio
from datetime import datetime, timedelta

import pytest

from activities.support import final_attempts
from domain.money import Money
from temporal.names import PROVIDER_PENDING, StepName
from tests.api.desk.visitor import words_of
from tests.guarantees.test_recovery import reconcile
from tests.guarantees.test_undo_at_providers import states
from tests.support.canary import ADULT
from tests.support.lying_railway import ByRail
from tests.support.stuck_orders import wait_until_step_is_stuck
from tests.support.world import CARD, Answer, World, add, replace
from workflows.order_draft import OrderDraft
from workflows.saga import step_runner

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(final_attempts, "LATE_ANSWER", timedelta(0))


async def buy_while_slow(by_rail: ByRail, train: str) -> "tuple[str, asyncio.Task[Answer]]":
    """Let a purchase come to the sale of its seat, which the railway accepts and does not do."""
    order = await by_rail.world.order()
    by_rail.railway.slow = True
    request = asyncio.create_task(by_rail.buy(order, train))
    await wait_until_step_is_stuck(by_rail.world, order, StepName.CONFIRM_SEATS)
    return order, request


async def stuck_code(world: World, order: str) -> str | None:
    stuck = (await world.workflow(order).query(OrderDraft.progress)).stuck
    return stuck.code if stuck else None


async def reverse_once_refused(world: World, order: str) -> Answer:
    """Reverse the stuck change as soon as it is known that its sale was not done."""
    async with asyncio.timeout(30):
        while True:
            answer = await world.post(f"/v1/orders/{order}/attention/reverse", {"reason": "they say no"}, None)
            if answer.code != "OUTCOME_UNKNOWN":
                return answer
            await asyncio.sleep(0.2)


async def retry(world: World, order: str) -> None:
    answer = await world.send("POST", f"/v1/orders/{order}/attention/retry-now", {"reason": "they have caught up"})
    # It may be tried again by itself before.
    assert (answer.status, answer.code) in ((204, None), (409, "NOTHING_STUCK"))


async def test_a_pending_sale_is_not_shown_as_confirmed_until_it_is_done(by_rail: ByRail) -> None:
    world, train = by_rail.world, by_rail.train()
    order, request = await buy_while_slow(by_rail, train)
    assert await stuck_code(world, order) == PROVIDER_PENDING
    shown = await world.show(order)
    assert [each["state"] for each in shown["reservations"]] == ["held"]
    assert "seats_confirmed" not in await by_rail.events(order)
    assert "The provider has accepted it and not done it yet" in words_of(
        (await world.http.get(f"/desk/orders/{order}")).text
    )
    by_rail.assert_books_agree(order)
    by_rail.railway.catch_up()
    await retry(world, order)
    answer = await request
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert [each[3] for each in by_rail.our_book(order)] == ["sold"]
    assert (await by_rail.events(order)).count("seats_confirmed") == 1
    by_rail.assert_books_agree(order)


async def test_a_sale_that_is_done_in_time_calls_nobody(by_rail: ByRail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=20))
    order, train, railway = await by_rail.world.order(), by_rail.train(), by_rail.railway
    railway.slow = True
    # The sale that is requested a second time is done.
    railway.before_sale = lambda: railway.catch_up() if railway.selling else None
    answer = await by_rail.buy(order, train)
    assert (answer.status, answer.body.get("state")) == (200, "done"), answer.body
    assert "needs_attention" not in await by_rail.events(order)
    by_rail.assert_books_agree(order)


async def test_a_pending_sale_is_neither_reversed_nor_reseated(by_rail: ByRail) -> None:
    order, request = await buy_while_slow(by_rail, by_rail.train())
    for way_out in ("reverse", "reseat"):
        refused = await by_rail.world.post(f"/v1/orders/{order}/attention/{way_out}", {"reason": "it is late"}, None)
        assert (refused.status, refused.code) == (409, "OUTCOME_UNKNOWN")
    by_rail.railway.catch_up()
    await retry(by_rail.world, order)
    assert (await request).status == 200
    by_rail.assert_books_agree(order)


async def test_a_pending_sale_that_is_refused_in_the_end_is_a_case_with_its_ways_out(by_rail: ByRail) -> None:
    world = by_rail.world
    order, request = await buy_while_slow(by_rail, by_rail.train())
    by_rail.railway.drop_accepted()
    by_rail.railway.refusals["sell"] = "gone"
    await retry(world, order)
    reversal = await reverse_once_refused(world, order)
    assert reversal.status == 200, reversal.body
    assert (await request).code == "REVERSED"
    assert (by_rail.our_book(order), by_rail.their_book(order)) == ([], [])


async def test_a_pending_release_of_an_undo_is_withdrawing_and_the_seat_is_shown_as_held(by_rail: ByRail) -> None:
    world, train = by_rail.world, by_rail.train()
    order = await world.order()
    assert (await world.change(order, add(await world.offer("standard", ADULT, service=train), ADULT))).status == 200
    by_rail.railway.slow = True
    request = asyncio.create_task(world.discard(order, Prefer="wait=30"))
    await wait_until_step_is_stuck(world, order, StepName.RELEASE_SEATS)
    assert await stuck_code(world, order) == PROVIDER_PENDING
    assert states(world, order)["reserve_seats"] == "withdrawing"
    assert [each["state"] for each in (await world.show(order))["reservations"]] == ["held"]
    assert [each[3] for each in by_rail.their_book(order)] == ["held"]
    by_rail.railway.catch_up()
    await retry(world, order)
    assert (await request).status == 200
    assert states(world, order)["reserve_seats"] == "withdrawn"
    assert (by_rail.our_book(order), by_rail.their_book(order)) == ([], [])


async def test_a_pending_release_whose_run_was_terminated_is_finished_by_the_reconciliation(by_rail: ByRail) -> None:
    world, train = by_rail.world, by_rail.train()
    order = await world.order()
    assert (await world.change(order, add(await world.offer("standard", ADULT, service=train), ADULT))).status == 200
    by_rail.railway.slow = True
    request = asyncio.create_task(world.discard(order, Prefer="wait=30"))
    await wait_until_step_is_stuck(world, order, StepName.RELEASE_SEATS)
    await world.workflow(order).terminate("terminated by mistake")
    request.cancel()
    by_rail.railway.catch_up()
    for row in world.changes_of(order):
        world.backdate(row.id)
    await reconcile(world)
    await world.wait_for_end(order)
    assert states(world, order)["reserve_seats"] == "withdrawn"
    assert (by_rail.our_book(order), by_rail.their_book(order)) == ([], [])


async def test_replaced_seats_of_a_draft_stay_the_orders_while_their_release_is_pending(by_rail: ByRail) -> None:
    world, train, other = by_rail.world, by_rail.train(), by_rail.train()
    order = await world.order()
    assert (await world.change(order, add(await world.offer("standard", ADULT, service=train), ADULT))).status == 200
    bundle = await world.offer("standard", ADULT, service=other)
    by_rail.railway.slow = True
    request = asyncio.create_task(world.change(order, replace(await world.lines(order), bundle), Prefer="wait=30"))
    await wait_until_step_is_stuck(world, order, StepName.RELEASE_REPLACED_SEATS)
    assert await stuck_code(world, order) == PROVIDER_PENDING
    assert {each[2] for each in by_rail.our_book(order)} == {train, other}
    by_rail.assert_books_agree(order)
    by_rail.railway.catch_up()
    await retry(world, order)
    assert (await request).status == 200
    assert [each[2] for each in by_rail.our_book(order)] == [other]
    by_rail.assert_books_agree(order)


async def test_an_extension_at_a_price_is_refused_and_the_draft_stays_as_it_is(by_rail: ByRail) -> None:
    world, train = by_rail.world, by_rail.train()
    order = await world.order()
    assert (await world.change(order, add(await world.offer("standard", ADULT, service=train), ADULT))).status == 200
    before, theirs = world.snapshot(order), by_rail.their_book(order)
    ends = [each.until for each in by_rail.railway.holds.values()]
    deadline = (await world.show(order))["draft"]["expires_at"]
    by_rail.railway.extension_price = Money(500, "NOK")
    later = (datetime.fromisoformat(deadline) + timedelta(minutes=10)).isoformat()
    extended = await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": later})
    for refused in (extended, await world.confirm(order, CARD)):
        assert (refused.status, refused.code) == (409, "HOLD_COSTS_MONEY")
        assert refused.body["errors"] == [{"amount": "5.00", "currency": "NOK"}]
    assert (world.snapshot(order), by_rail.their_book(order)) == (before, theirs)
    assert [each.until for each in by_rail.railway.holds.values()] == ends
    assert (await world.show(order))["draft"]["expires_at"] == deadline
    by_rail.railway.extension_price = None
    assert (await world.confirm(order, CARD)).status == 200
    by_rail.assert_books_agree(order)
