"""A railway's answer is lost, false or late: what it did is found out, and no refusal after it is believed unseen."""

import asyncio
from datetime import timedelta

import pytest

from activities.support import final_attempts
from providers.contracts import FalseAnswer, Trouble
from providers.contracts.fault_proxy import Disturbance
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.lying_railway import ByRail
from tests.support.stuck_orders import wait_until_step_is_stuck
from tests.support.world import CARD, add, replace
from workflows.saga import step_runner

pytestmark = pytest.mark.faults

HOLD, EXTEND, SELL, RELEASE = "/holds/", "POST /tenants/default/extensions", "/sales/", "DELETE "
DISTURBANCES: list[Disturbance] = [*FalseAnswer, Trouble.LOST, Trouble.DOWN, Trouble.PAGE, Trouble.HALF, Trouble.SILENT]
each_disturbance = pytest.mark.parametrize("disturbance", DISTURBANCES, ids=lambda each: each.name.lower())


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=6))
    monkeypatch.setattr(step_runner, "EXTERNAL_TOTAL", timedelta(seconds=6))
    monkeypatch.setattr(final_attempts, "LATE_ANSWER", timedelta(0))


@each_disturbance
@pytest.mark.parametrize("act", [HOLD, SELL], ids=["hold", "sell"])
async def test_a_disturbed_call_is_completed_and_done_once(by_rail: ByRail, act: str, disturbance: Disturbance) -> None:
    order, train = await by_rail.world.order(), by_rail.train()
    with by_rail.proxy(disturbance, only=1, of=act):
        answer = await by_rail.buy(order, train)
        assert by_rail.proxy.requests >= 2
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert [each[3] for each in by_rail.our_book(order)] == ["sold"]
    by_rail.assert_books_agree(order)
    assert "needs_attention" not in await by_rail.events(order)


@each_disturbance
async def test_a_disturbed_extension_and_release_are_completed(by_rail: ByRail, disturbance: Disturbance) -> None:
    world, train, other = by_rail.world, by_rail.train(), by_rail.train()
    order = await world.order()
    assert (await world.change(order, add(await world.offer("standard", ADULT, service=train), ADULT))).status == 200
    # The draft's seat on the one train is replaced by one on the other, and given back.
    bundle = await world.offer("standard", ADULT, service=other)
    with by_rail.proxy(disturbance, only=1, of="POST /tenants/default/returns"):
        answer = await world.change(order, replace(await world.lines(order), bundle), Prefer="wait=30")
        assert by_rail.proxy.requests >= 2
    assert answer.status == 200
    by_rail.assert_books_agree(order)
    with by_rail.proxy(disturbance, only=1, of=EXTEND):
        assert (await world.confirm(order, CARD)).status == 200
        assert by_rail.proxy.requests >= 2
    assert [(each[2], each[3]) for each in by_rail.our_book(order)] == [(other, "sold")]
    by_rail.assert_books_agree(order)


@each_disturbance
async def test_a_disturbed_undo_is_completed(by_rail: ByRail, disturbance: Disturbance) -> None:
    world, train = by_rail.world, by_rail.train()
    order = await world.order()
    assert (await world.change(order, add(await world.offer("standard", ADULT, service=train), ADULT))).status == 200
    with by_rail.proxy(disturbance, only=1, of=RELEASE):
        assert (await world.discard(order, Prefer="wait=30")).status == 200
        assert by_rail.proxy.requests >= 2
    assert (by_rail.our_book(order), by_rail.their_book(order)) == ([], [])


async def test_a_hold_that_was_done_and_is_then_refused_is_found_and_sold(by_rail: ByRail) -> None:
    order, train = await by_rail.world.order(), by_rail.train()
    by_rail.railway.refusals_after["hold"] = "sold_out"
    with by_rail.proxy(FalseAnswer.BROKEN, only=1, of=f"PUT /tenants/default{HOLD}"):
        answer = await by_rail.buy(order, train)
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert by_rail.railway.found
    by_rail.assert_books_agree(order)


async def test_a_refusal_after_an_attempt_that_did_nothing_is_believed(by_rail: ByRail) -> None:
    order, train = await by_rail.world.order(), by_rail.train()
    before = by_rail.world.snapshot(order)
    by_rail.railway.refusals["hold"] = "sold_out"
    with by_rail.proxy(Trouble.DOWN, only=1, of=f"PUT /tenants/default{HOLD}"):
        answer = await by_rail.buy(order, train)
    assert (answer.status, answer.code) == (409, "SOLD_OUT")
    assert by_rail.railway.found == [f"{answer.change}/reserve_seats"]
    assert (by_rail.their_book(order), by_rail.world.snapshot(order)) == ([], before)


async def test_a_refusal_is_not_believed_while_the_railway_cannot_say(by_rail: ByRail) -> None:
    order, train = await by_rail.world.order(), by_rail.train()
    before = by_rail.world.snapshot(order)
    by_rail.railway.refusals_after["hold"] = "sold_out"
    by_rail.railway.says = "cannot_say"
    with by_rail.proxy(Trouble.LOST, only=1, of=f"PUT /tenants/default{HOLD}"):
        answer = await by_rail.buy(order, train)
    # Not refused but failed: whatever it holds is released.
    assert (answer.status, answer.code) == (503, "PROVIDER_UNAVAILABLE")
    assert (by_rail.their_book(order), by_rail.world.snapshot(order)) == ([], before)


async def test_a_sale_that_was_done_and_is_then_refused_is_found_and_nobody_is_called(by_rail: ByRail) -> None:
    order, train = await by_rail.world.order(), by_rail.train()
    by_rail.railway.refusals_after["sell"] = "gone"
    with by_rail.proxy(Trouble.LOST, only=1, of=SELL):
        answer = await by_rail.buy(order, train)
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert by_rail.railway.found
    assert "needs_attention" not in await by_rail.events(order)
    by_rail.assert_books_agree(order)


async def test_a_sale_of_which_the_railway_cannot_say_is_a_case_until_it_can(
    by_rail: ByRail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    world, train = by_rail.world, by_rail.train()
    order = await world.order()
    by_rail.railway.refusals_after["sell"] = "gone"
    by_rail.railway.says = "cannot_say"
    with by_rail.proxy(Trouble.LOST, only=1, of=SELL):
        request = asyncio.create_task(by_rail.buy(order, train))
        await wait_until_step_is_stuck(world, order, StepName.CONFIRM_SEATS)
    # What may have been sold is neither reversed nor reseated.
    for way_out in ("reverse", "reseat"):
        refused = await world.post(f"/v1/orders/{order}/attention/{way_out}", {"reason": "they say no"}, None)
        assert (refused.status, refused.code) == (409, "OUTCOME_UNKNOWN")
    by_rail.railway.says = None
    await world.send("POST", f"/v1/orders/{order}/attention/retry-now", {"reason": "it can say now"})
    assert (await request).status == 200
    assert [each[3] for each in by_rail.our_book(order)] == ["sold"]
    by_rail.assert_books_agree(order)
