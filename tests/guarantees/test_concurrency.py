"""Concurrent requests for one key, one order, the last seat or each other's seats: none is lost or done twice."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Coroutine, Iterable
from typing import Any

import pytest

from tests.support.canary import ADULT, CHILD
from tests.support.phases import violations_of
from tests.support.world import CARD, Answer, Json, World, add, replace

pytestmark = pytest.mark.faults

MANY = 64


async def change_until_answered(world: World, order: str, *operations: Json, **more: Any) -> Answer:
    """Request a change as a client does: repeat it under the same key while the answer is 202 or 503."""
    key = str(uuid.uuid4())
    while True:
        answer = await world.change(order, *operations, key=key, Prefer="wait=30", **more)
        if answer.status not in (202, 503):
            return answer


async def send_together(requests: Iterable[Coroutine[None, None, Answer]]) -> list[Answer]:
    """Send all at once; if one fails the others are cancelled, so none runs on during the next test."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in requests]
    return [task.result() for task in tasks]


async def test_a_hundred_identical_requests_are_one_change_with_one_answer(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    operation = replace([f"{order}-1"], bundle)
    requests = [world.change(order, operation, key="same", confirm=True, payment=CARD) for _ in range(100)]
    answers = await asyncio.gather(*requests)
    assert {answer.status for answer in answers} == {200}
    assert len({str(answer.body) for answer in answers}) == 1
    shown = await world.show(order)
    assert (len(shown["lines"]), shown["version"], shown["paid"]) == (1, 2, "399.00")
    assert world.at_most_once(order)


@pytest.mark.only_on("postgres")  # a matter of the queue
async def test_of_many_changes_on_one_order_each_is_done_or_refused_as_busy_and_none_is_lost(world: World) -> None:
    order, trains = await world.sold(ADULT), [world.train(coaches=1) for _ in range(MANY)]
    bundles = [await world.offer("standard", CHILD, service=train) for train in trains]
    answers = await send_together(change_until_answered(world, order, add(bundle, CHILD)) for bundle in bundles)
    ended = Counter((answer.status, answer.code) for answer in answers)
    assert set(ended) <= {(200, None), (423, "ORDER_BUSY")}
    done = ended[200, None]
    assert done >= 7, "one runs, six wait"
    shown = await world.show(order)
    assert len(shown["lines"]) == done + 1
    seats = [seat["service"] for seat in shown["reservations"] if seat["service"] in trains]
    assert len(set(seats)) == len(seats) == done
    assert {row.state for row in world.changes_of(order)} <= {"done", "refused"}
    assert (await world.discard(order, Prefer="wait=30")).status == 200
    assert violations_of(world, order) == []


async def test_of_many_orders_on_the_last_seat_one_wins_and_the_others_are_untouched(world: World) -> None:
    train = world.train(coaches=1, seats=1)
    orders = [await world.order() for _ in range(MANY)]
    before = {order: world.snapshot(order) for order in orders}
    bundles = [await world.offer("standard", ADULT, service=train) for _ in orders]
    pairs = zip(orders, bundles, strict=True)
    requests = [
        change_until_answered(world, order, add(each, ADULT), confirm=True, payment=CARD) for order, each in pairs
    ]
    answers = await send_together(requests)
    assert Counter((each.status, each.code) for each in answers) == {(200, None): 1, (409, "SOLD_OUT"): MANY - 1}
    for order, answer in zip(orders, answers, strict=True):
        assert (answer.status == 200) != (world.snapshot(order) == before[order])
        assert violations_of(world, order) == []


@pytest.mark.parametrize("count", [2, 4], ids="{} in a circle".format)
async def test_orders_that_request_each_others_seats_neither_deadlock_nor_lose_one(world: World, count: int) -> None:
    train = world.train(coaches=1, seats=count)
    orders = [await world.sold(ADULT, train=train) for _ in range(count)]
    seats = [(await world.show(order))["reservations"][0]["seat"] for order in orders]
    before = {order: world.snapshot(order) for order in orders}
    requests = []
    for number, order in enumerate(orders):
        bundle = await world.offer("standard", ADULT, service=train)
        operation = replace([f"{order}-1"], bundle, seats=[seats[(number + 1) % count]])
        requests.append(world.change(order, operation, confirm=True, payment=CARD))
    answers = await asyncio.wait_for(asyncio.gather(*requests), 20)
    assert {(answer.status, answer.code) for answer in answers} == {(409, "SEAT_TAKEN")}
    for order in orders:
        assert world.snapshot(order) == before[order]
        assert violations_of(world, order) == []
