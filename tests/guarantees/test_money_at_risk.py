"""Money that a bank outside was asked to move is at risk until the bank has answered, and no amount counts twice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from store.views.gauges import store_gauges
from temporal.names import StepName
from tests.api.desk.visitor import Visitor, words_of
from tests.support.canary import ADULT
from tests.support.outside import Outside, be_down, running_outside
from tests.support.stuck_orders import wait_until_step_is_stuck
from tests.support.world import CARD, Answer, World, replace
from workflows.saga import step_runner

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
async def outside(database_kind: str, temporal: str, database_named: Callable[[str], str]) -> AsyncIterator[Outside]:
    """The bank alone outside: the other steps run in groups."""
    name = f"at-risk-{database_kind}"
    async with running_outside(database_named(name), temporal, name, seats=False, bank=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _bank_answers_again(outside: Outside) -> Iterator[None]:
    yield
    outside.clear()


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))


def in_flight(world: World) -> int:
    """Return what the gauge says of all orders, in minor units."""
    (gauge,) = [
        each for each in store_gauges(world.components.store) if each.name == "changeover_money_in_flight_minor"
    ]
    return sum(int(sample.value) for sample in gauge.samples)


async def at_risk(world: World, order: str) -> str:
    """Return what the desk says of the stuck order."""
    words = words_of(await Visitor(world.http).see(f"/desk/orders/{order}"))
    return words.partition("Step key")[2].partition("At risk ")[2].partition(" Unsettled")[0]


async def exchange(world: World, order: str, product: str, **more: Any) -> "asyncio.Task[Answer]":
    bundle = await world.offer(product, ADULT, service=world.train())
    change = world.change(order, replace(await world.lines(order), bundle), confirm=True, Prefer="wait=30", **more)
    return asyncio.create_task(change)


async def try_again(world: World, order: str) -> None:
    """Try the stuck step again at once, unless its next attempt has come before."""
    body = {"reason": "it is back"}
    assert (await world.send("POST", f"/v1/orders/{order}/attention/retry-now", body)).status in (204, 409)


async def test_a_refund_that_the_bank_has_not_answered_is_at_risk_until_it_is_done(outside: Outside) -> None:
    world = outside.world
    order, before = await world.sold(ADULT, product="flexible"), in_flight(world)
    # The ticket is 100.00 cheaper, and the change costs 50.00.
    outside.bank.before["refund"] = be_down
    request = await exchange(world, order, "standard", refund_price_difference=True)
    await wait_until_step_is_stuck(world, order, StepName.SETTLE_PRICE_DIFFERENCE)
    assert await at_risk(world, order) == "50.00 NOK asked of the payment provider, not answered"
    assert in_flight(world) == before + 50_00
    outside.clear()
    await try_again(world, order)
    assert (await request).status == 200
    assert in_flight(world) == before
    assert "At risk" not in words_of(await Visitor(world.http).see(f"/desk/orders/{order}"))


async def test_an_authorisation_that_the_bank_is_asked_to_capture_counts_once(outside: Outside) -> None:
    world = outside.world
    order, before = await world.sold(ADULT), in_flight(world)
    outside.bank.before["capture"] = be_down
    request = await exchange(world, order, "flexible", payment=CARD)
    await wait_until_step_is_stuck(world, order, StepName.SETTLE_PRICE_DIFFERENCE)
    assert await at_risk(world, order) == "100.00 NOK authorised"
    assert in_flight(world) == before + 100_00
    outside.clear()
    await try_again(world, order)
    assert (await request).status == 200
    assert in_flight(world) == before


async def test_an_authorisation_that_is_not_known_to_be_voided_is_at_risk_though_its_answer_was_lost(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_runner, "EXTERNAL_TOTAL", timedelta(seconds=1))
    world = outside.world
    order, before = await world.sold(ADULT), in_flight(world)
    outside.bank.after["authorise"] = be_down
    outside.bank.before["find"] = be_down
    outside.bank.before["void"] = be_down
    request = await exchange(world, order, "flexible", payment=CARD)
    await wait_until_step_is_stuck(world, order, StepName.VOID_PAYMENT)
    assert await at_risk(world, order) == "100.00 NOK asked of the payment provider, not answered"
    assert in_flight(world) == before + 100_00
    outside.clear()
    await try_again(world, order)
    assert (await request).status == 503
    assert in_flight(world) == before
