"""A provider outside our database: only its steps become activities on its own task queue."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType

from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.installation import prepare_database, running_world
from tests.support.stock import add_stock
from tests.support.watched_bank import WatchedBank, provider_for
from tests.support.world import CARD, DECLINED, PEOPLE, World, add, replace

pytestmark = pytest.mark.faults

LONGER_THAN_A_HOLD = timedelta(hours=25)


@pytest.fixture(scope="module")
def bank() -> WatchedBank:
    return WatchedBank()


@pytest.fixture(scope="module")
async def installation(
    temporal: str, bank: WatchedBank, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path_factory.mktemp('outside') / 'outside.db'}"
    prepare_database(url)
    with provider_for(bank) as provider:
        async with running_world(url, temporal, "outside", provider) as world:
            yield world


@pytest.fixture
def world(installation: World, bank: WatchedBank) -> Iterator[World]:
    yield installation
    bank.before_answer = lambda _call: None


async def upgrade(world: World, order: str, payment: dict[str, str] = CARD) -> tuple[int, str]:
    answer = await world.upgrade(order, confirm=True, payment=payment)
    return answer.status, answer.change


async def test_the_steps_of_an_external_provider_are_activities_on_its_own_queue(world: World) -> None:
    order = await world.sold(ADULT)
    assert (await upgrade(world, order))[0] == 200
    history = await world.workflow(order).fetch_history()
    scheduled = [
        (
            event.activity_task_scheduled_event_attributes.activity_type.name,
            event.activity_task_scheduled_event_attributes.task_queue.name,
        )
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    assert scheduled == [(StepName.AUTHORISE_PAYMENT, "payments"), (StepName.SETTLE_PRICE_DIFFERENCE, "payments")]
    assert len(history.events) <= 45


async def test_a_payment_an_external_bank_declines_leaves_no_trace(world: World, bank: WatchedBank) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    status, change = await upgrade(world, order, DECLINED)
    assert status == 402
    assert world.snapshot(order) == before
    account = bank.accounts[f"{change}/authorise_payment"]
    assert (account.minor, account.voided) == (0, True)


async def test_money_is_captured_once_when_every_answer_is_lost_once(world: World, bank: WatchedBank) -> None:
    lost: set[str] = set()

    def lose(call: str) -> None:
        if call not in lost:
            lost.add(call)
            raise ConnectionError

    order = await world.sold(ADULT)
    bank.before_answer = lose
    status, change = await upgrade(world, order)
    assert status == 200
    authorised, captured = f"{change}/authorise_payment", f"{change}/settle_price_difference/1"
    calls = [f"authorise {authorised}", f"find {authorised}", f"capture {captured}", f"find {captured}"]
    assert lost == {*calls}
    # What became of a key is looked up, so that nothing is sent twice.
    assert [each for each in bank.calls if change in each] == [calls[n] for n in (0, 1, 1, 2, 3, 3)]
    assert bank.book.requests()[f"{change}/settle_price_difference/1"].minor == 10000
    assert (await world.show(order))["paid"] == "399.00"


async def test_held_seats_outlast_a_bank_that_is_down_for_longer_than_their_hold(
    world: World, bank: WatchedBank
) -> None:
    order, other, train = await world.sold(ADULT), await world.order(), world.train(coaches=1, seats=1)
    down, attempts = True, asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    def fail(call: str) -> None:
        if call.startswith(("capture", "find")) and down:
            loop.call_soon_threadsafe(attempts.release)
            raise ConnectionError

    bank.before_answer = fail
    operation = replace([f"{order}-1"], await world.offer("flexible", ADULT, service=train))
    request = asyncio.create_task(world.change(order, operation, confirm=True, payment=CARD, Prefer="wait=30"))
    async with asyncio.timeout(30):
        await attempts.acquire()
        with world.clock_at(world.components.store.now() + LONGER_THAN_A_HOLD):
            # The first of these attempts may have extended the holds before the clock moved on.
            for _ in range(2):
                await attempts.acquire()
            rival = add(await world.offer("standard", ADULT, service=train), ADULT)
            refused = await world.change(other, rival, confirm=True, payment=CARD)
        down = False
        assert (refused.status, refused.code) == (409, "SOLD_OUT")
        assert (await request).status == 200
    assert [seat["state"] for seat in (await world.show(order))["reservations"]] == ["confirmed"]


@pytest.mark.parametrize("bicycles", [0, 1], ids=["seat", "unit"])
async def test_what_is_held_does_not_lapse_while_the_settlement_has_no_answer(
    world: World, bank: WatchedBank, bicycles: int
) -> None:
    stock = add_stock(world, 1)
    order, other, train = await world.order(), await world.order(), stock.train(coaches=1, seats=1 + bicycles)
    reached, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(call: str) -> None:
        if call.startswith("capture") and not reached.is_set():
            loop.call_soon_threadsafe(reached.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(18)

    bank.before_answer = wait
    in_one_go = {"confirm": True, "payment": CARD, "Prefer": "wait=30"}
    request = asyncio.create_task(stock.book(order, ADULT, train, bicycles, **in_one_go))
    await asyncio.wait_for(reached.wait(), 15)
    # This is the first attempt, so nothing has extended what is held.
    with world.clock_at(world.components.store.now() + LONGER_THAN_A_HOLD):
        searched = {
            "product": stock.product,
            "service": train,
            "travellers": [{"id": ADULT, "birth_date": PEOPLE[ADULT]["birth_date"]}],
        }
        (found,) = (await world.post("/v1/offers", searched | {"sold_out": True})).body["offer_bundles"]
        assert (found["available"] == 0) is (bicycles == 0)
        refused = await stock.book(other, ADULT, train, bicycles, **in_one_go)
    go_on.set()
    assert (refused.status, refused.code) == (409, "SOLD_OUT")
    assert (await request).status == 200
    shown = await world.show(order)
    assert {each["state"] for each in (*shown["reservations"], *shown["units"])} == {"confirmed"}


async def test_a_slow_bank_does_not_hold_up_other_orders(world: World, bank: WatchedBank) -> None:
    order, other = await world.sold(ADULT), await world.sold(ADULT)
    reached, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(call: str) -> None:
        if call.startswith("capture"):
            loop.call_soon_threadsafe(reached.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(15)

    bank.before_answer = wait
    slow = asyncio.create_task(upgrade(world, order))
    await asyncio.wait_for(reached.wait(), 15)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    assert (await world.change(other, replace([f"{other}-1"], bundle))).status == 200
    go_on.set()
    assert (await slow)[0] == 200
