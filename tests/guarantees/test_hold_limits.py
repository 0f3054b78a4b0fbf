"""Held seats are limited for a draft and for all drafts of one client; sold seats do not count."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace as replace_
from typing import Any

import pytest

from tests.support.auth import with_authentication
from tests.support.canary import ADULT, CHILD, THIRD
from tests.support.installation import prepare_database, running_world
from tests.support.postgres import new_database
from tests.support.stock import add_stock
from tests.support.world import CARD, Answer, World, add, replace

MAX_PER_ORDER, MAX_PER_CLIENT = 2, 3
TWO = (ADULT, CHILD)


@pytest.fixture(scope="module")
async def installation(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path_factory.mktemp('holds') / 'holds.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "holds")
    settings: dict[str, Any] = {"seats_held_per_order": MAX_PER_ORDER, "seats_held_per_client": MAX_PER_CLIENT}
    async with running_world(prepare_database(url), temporal, f"holds-{database_kind}", **settings) as world:
        yield world


async def hold_seats(world: World, order: str, *travellers: str, train: str | None = None, **more: Any) -> Answer:
    """Add a bundle with seats to the draft of an order."""
    bundle = await world.offer("standard", *travellers, service=train or world.train())
    return await world.change(order, add(bundle, *travellers), **more)


async def order_with_holds(world: World, *travellers: str) -> str:
    """Return a new order whose draft holds seats."""
    order = await world.order()
    answer = await hold_seats(world, order, *travellers)
    assert answer.status == 200, answer.body
    return order


async def test_a_draft_holds_no_more_seats_than_its_limit(world: World) -> None:
    order, train = await order_with_holds(world, *TWO), world.train()
    before = world.snapshot(order)
    answer = await hold_seats(world, order, THIRD, train=train)
    assert (answer.status, answer.code) == (409, "ORDER_HOLDS_TOO_MANY")
    assert world.snapshot(order) == before
    assert train not in "".join(world.seats_of(order))


async def test_a_draft_at_its_limit_may_move_to_other_seats(world: World) -> None:
    order = await order_with_holds(world, *TWO)
    bundle = await world.offer("standard", *TWO, service=world.train())
    assert (await world.change(order, replace(await world.lines(order), bundle))).status == 200
    assert len(world.seats_of(order)) == MAX_PER_ORDER


async def test_units_of_stock_are_limited_on_each_service_apart_from_seats(world: World) -> None:
    stock = add_stock(world, bicycles=9)
    first, second, order = stock.train(), stock.train(), await world.order()
    assert (await stock.book(order, ADULT, first, bicycles=2)).status == 200
    answer = await stock.book(order, CHILD, first, bicycles=1)
    assert (answer.status, answer.code) == (409, "ORDER_HOLDS_TOO_MANY")
    assert (await stock.book(order, CHILD, second, bicycles=2)).status == 200
    assert (await world.discard(order)).status == 200
    assert (await stock.book(order, ADULT, first, bicycles=3)).code == "ORDER_HOLDS_TOO_MANY"
    assert (await stock.book(order, ADULT, first, bicycles=3, confirm=True, payment=CARD)).status == 200


async def test_all_drafts_of_a_client_hold_no_more_units_on_a_service_than_its_limit(world: World) -> None:
    stock = add_stock(world, bicycles=9)
    train, other_train = stock.train(), stock.train()
    async with with_authentication(world) as authenticated:
        one, other = authenticated.client().world, authenticated.client().world

        async def book(client: World, bicycles: int, on: str) -> str | None:
            return (await replace_(stock, world=client).book(await client.order(), ADULT, on, bicycles)).code

        assert [await book(one, 2, train), await book(one, 2, train)] == [None, "CLIENT_HOLDS_TOO_MANY"]
        assert [await book(one, 1, other_train), await book(other, 2, train)] == [None, None]


async def test_confirmed_seats_do_not_count_towards_the_limit(world: World) -> None:
    order = await order_with_holds(world, *TWO)
    assert (await world.confirm(order, CARD)).status == 200
    assert (await hold_seats(world, order, *TWO)).status == 200


async def test_all_drafts_of_a_client_hold_no_more_seats_than_its_limit_and_other_clients_are_not_affected(
    world: World,
) -> None:
    async with with_authentication(world) as authenticated:
        one, other = authenticated.client().world, authenticated.client().world
        await order_with_holds(one, *TWO)
        await order_with_holds(one, ADULT)
        refused = await hold_seats(one, await one.order(), ADULT)
        assert (refused.status, refused.code) == (409, "CLIENT_HOLDS_TOO_MANY")
        await order_with_holds(other, ADULT)


@pytest.mark.parametrize("how", ["discarded", "confirmed"])
async def test_released_or_sold_seats_make_room(world: World, how: str) -> None:
    async with with_authentication(world) as authenticated:
        client = authenticated.client().world
        first = await order_with_holds(client, *TWO)
        await order_with_holds(client, ADULT)
        ended = await (client.discard(first) if how == "discarded" else client.confirm(first, CARD))
        assert ended.status == 200, ended.body
        await order_with_holds(client, *TWO)


async def test_an_expired_hold_makes_room(world: World) -> None:
    async with with_authentication(world) as authenticated:
        client = authenticated.client().world
        await order_with_holds(client, *TWO)
        await order_with_holds(client, ADULT)
        later = world.components.store.now() + world.components.deadlines.draft + 2 * world.components.deadlines.margin
        order, train = await client.order(), world.train()
        with world.clock_at(later):
            assert (await hold_seats(client, order, ADULT, train=train)).status == 200


async def test_a_client_at_its_limit_may_do_everything_that_holds_no_further_seat(world: World) -> None:
    async with with_authentication(world) as authenticated:
        client = authenticated.client().world
        sold = await client.order()
        assert (await hold_seats(client, sold, ADULT, confirm=True, payment=CARD)).status == 200
        full = [await order_with_holds(client, *TWO), await order_with_holds(client, ADULT)]
        upgraded = await client.upgrade(sold, confirm=True, payment=CARD)
        assert upgraded.status == 200, upgraded.body
        operation = {"op": "set_travellers", "travellers": [{"id": ADULT, "passport": "P1"}]}
        assert (await client.change(sold, operation)).status == 200
        assert (await client.confirm(sold, CARD)).status == 200
        removed = await client.change(
            sold, {"op": "remove_lines", "lines": await client.lines(sold)}, confirm=True, refund_price_difference=True
        )
        assert removed.status == 200, removed.body
        assert [(await client.confirm(each, CARD)).status for each in full] == [200, 200]


async def test_of_concurrent_requests_only_one_gets_the_last_hold(world: World) -> None:
    async with with_authentication(world) as authenticated:
        client = authenticated.client().world
        await order_with_holds(client, *TWO)
        orders = [await client.order() for _ in range(6)]
        trains = [world.train() for _ in orders]
        answers = await asyncio.gather(
            *(hold_seats(client, order, ADULT, train=train) for order, train in zip(orders, trains, strict=True))
        )
        assert sorted(each.status for each in answers) == [200, 409, 409, 409, 409, 409]
        assert {each.code for each in answers if each.status != 200} == {"CLIENT_HOLDS_TOO_MANY"}


async def test_without_authentication_only_the_limit_of_the_order_applies(world: World) -> None:
    for _ in range(MAX_PER_CLIENT):
        await order_with_holds(world, *TWO)
