"""Offers say what is left, and what is sold out is left out unless it is asked for."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from domain.products import CapacityPer
from providers.bounded_calls import BoundedCalls
from providers.bounded_providers import BoundedInventory
from providers.errors import ProviderUnavailableError
from providers.protocols import HoldRequest
from tests.support.canary import ADULT, CHILD, THIRD
from tests.support.stock import add_pass, add_stock
from tests.support.world import CARD, PEOPLE, Json, World, add, replace

ONE_GO: Json = {"confirm": True, "payment": CARD}


async def search(world: World, *travellers: str, **where: Any) -> list[Json]:
    """Return the bundles found."""
    searched = [{"id": each, "birth_date": PEOPLE[each]["birth_date"]} for each in travellers]
    answer = await world.post("/v1/offers", {"travellers": searched, **where})
    assert answer.status == 200, answer.body
    found: list[Json] = answer.body["offer_bundles"]
    return found


async def left(world: World, *travellers: str, **where: Any) -> list[int]:
    """Return how often each bundle found is left."""
    return [each["available"] for each in await search(world, *travellers, **where)]


@pytest.mark.parametrize(("seats", "available"), [(16, 9), (9, 9), (8, 8), (1, 1)])
async def test_an_offer_says_how_many_seats_are_left_up_to_nine(world: World, seats: int, available: int) -> None:
    (found,) = await search(world, ADULT, product="standard", service=world.train(coaches=1, seats=seats))
    assert (found["available"], found["offers"][0]["available"]) == (available, available)


async def test_a_full_train_is_left_out_unless_it_is_asked_for(world: World) -> None:
    train = world.train(coaches=1, seats=2)
    where = {"product": "standard", "service": train}
    await world.sold(ADULT, train=train)
    assert await left(world, CHILD, **where) == [1]
    assert await left(world, CHILD, THIRD, **where) == []
    assert await left(world, CHILD, THIRD, **where, sold_out=True) == [1]
    await world.sold(ADULT, train=train)
    assert await left(world, CHILD, **where) == []
    assert await left(world, CHILD, **where, sold_out=True) == [0]
    (bundle,) = await search(world, CHILD, **where, sold_out=True)
    assert (await world.change(await world.order(), add(bundle["id"], CHILD))).code == "SOLD_OUT"


async def test_seats_held_for_a_draft_are_not_left(world: World) -> None:
    train = world.train(coaches=1, seats=3)
    order = await world.order()
    bundle = await world.offer("standard", ADULT, CHILD, service=train)
    assert (await world.change(order, add(bundle, ADULT, CHILD))).status == 200
    assert await left(world, THIRD, product="standard", service=train) == [1]
    assert (await world.discard(order)).status == 200
    assert await left(world, THIRD, product="standard", service=train) == [3]


async def test_a_fare_change_on_a_full_train_is_found_for_the_order(world: World) -> None:
    train = world.train(coaches=1, seats=1)
    order, other = await world.sold(ADULT, train=train), await world.sold(ADULT)
    where = {"product": "flexible", "service": train}
    assert await left(world, ADULT, **where) == []
    assert await left(world, ADULT, **where, order=other) == []
    (bundle,) = await search(world, ADULT, **where, order=order)
    assert bundle["available"] == 1
    answer = await world.change(order, replace([f"{order}-1"], bundle["id"]), **ONE_GO)
    assert answer.status == 200, answer.body


async def test_the_units_of_the_order_count_as_free_for_it(world: World) -> None:
    stock = add_stock(world, bicycles=1, places=1)
    train = stock.train()
    order = await stock.sell(ADULT, train, **ONE_GO)
    where = {"product": stock.product, "service": train}
    assert await left(world, ADULT, **where) == []
    (sold_out,) = await search(world, ADULT, **where, sold_out=True)
    assert [each["available"] for each in sold_out["offers"][0]["supplements"]] == [0]
    (own,) = await search(world, ADULT, **where, order=order)
    assert (own["available"], own["offers"][0]["supplements"][0]["available"]) == (1, 1)


async def test_the_capacity_of_a_product_counts_where_fewer_are_left_than_seats(world: World) -> None:
    stock = add_stock(world, bicycles=None, places=3)
    train = stock.train()
    where = {"product": stock.product, "service": train}
    assert await left(world, ADULT, **where) == [3]
    await stock.sell(ADULT, train, bicycles=0)
    assert await left(world, ADULT, CHILD, **where) == [2]
    assert await left(world, ADULT, CHILD, THIRD, **where) == []
    (found,) = await search(world, ADULT, **where)
    assert [each["available"] for each in found["offers"][0]["supplements"]] == [9]


async def test_a_group_needs_seats_for_all_and_one_unit(world: World) -> None:
    where = {"product": "compartment", "service": world.train(coaches=1, seats=7)}
    assert await left(world, ADULT, CHILD, **where) == [3]
    assert await left(world, ADULT, **where) == [7]


async def test_of_days_the_one_with_the_least_counts(world: World) -> None:
    name = add_pass(world, capacity=2, per=CapacityPer.EACH_DAY)
    start = (world.components.store.now() + timedelta(days=50)).replace(hour=0, minute=0, second=0, microsecond=0)

    def on(day: int) -> Json:
        return {"valid_from": (start + timedelta(days=day)).isoformat()}

    async def counts(*days: int) -> list[list[int]]:
        return [await left(world, ADULT, product=name, **on(day)) for day in days]

    async def book(day: int) -> int:
        bundle = await world.offer(name, ADULT, **on(day))
        return (await world.change(await world.order(), add(bundle, ADULT))).status

    assert await counts(0) == [[2]]
    assert await book(0) == 200
    assert await counts(-3, -2, 0, 2, 3) == [[2], [1], [1], [1], [2]]
    assert await book(2) == 200
    assert await counts(-2, 0, 2, 3) == [[1], [], [], [1]]


async def test_a_search_for_an_order_that_is_unknown_finds_nothing(world: World) -> None:
    for order in ("99-999999999", "no-order"):
        body = {"product": "standard", "service": world.train(), "travellers": [{"id": "a"}], "order": order}
        answer = await world.post("/v1/offers", body)
        assert (answer.status, answer.code) == (404, "ORDER_NOT_FOUND")


class Elsewhere:
    """An inventory outside of our database that answers in its own way, or fails."""

    external = True

    def __init__(self, answer: Callable[[Sequence[HoldRequest]], Any]) -> None:
        self._answer = answer

    def free(self, _tenant: str, requests: Sequence[HoldRequest], _own: Sequence[str]) -> Any:
        """Answer, or fail."""
        return self._answer(requests)


def _fail(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize(
    "answer",
    [
        lambda requests: [None for _ in requests],
        lambda _: _fail(ProviderUnavailableError()),
        lambda _: _fail(KeyError("service")),
        lambda _: [],
        lambda requests: ["many" for _ in requests],
        lambda requests: [-1 for _ in requests],
        lambda _: threading.Event().wait(5) and [],
    ],
    ids=["unknown", "unavailable", "raises", "too few", "text", "negative", "silent"],
)
async def test_offers_are_shown_where_the_inventory_does_not_know_or_gives_no_usable_answer(
    world: World, answer: Callable[[Sequence[HoldRequest]], Any]
) -> None:
    calls = BoundedCalls("seats", timedelta(seconds=1), 2, in_transaction=lambda: world.components.store.in_transaction)
    elsewhere: Any = Elsewhere(answer)
    async with world.with_api(inventory=BoundedInventory(elsewhere, calls)) as api:
        train = world.train(coaches=1, seats=1)
        assert await left(api, ADULT, CHILD, product="standard", service=train) == [9]
