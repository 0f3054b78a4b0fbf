"""Nobody hoards seats: a draft, and all drafts of one client, hold so many at most; what is sold counts no more."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.auth import with_authentication
from tests.support.canary import ADULT, CHILD, THIRD
from tests.support.installation import prepare_database, running_world
from tests.support.postgres import new_database
from tests.support.world import CARD, Answer, World, add, replace

ORDER_MOST, CLIENT_MOST = 2, 3
TWO = (ADULT, CHILD)


@pytest.fixture(scope="module")
async def installation(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path_factory.mktemp('holds') / 'holds.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "holds")
    caps: dict[str, Any] = {"seats_held_per_order": ORDER_MOST, "seats_held_per_client": CLIENT_MOST}
    async with running_world(prepare_database(url), temporal, f"holds-{database_kind}", **caps) as world:
        yield world


async def hold(world: World, order: str, *travellers: str, train: str | None = None, **more: Any) -> Answer:
    """Put a bundle with seats into an order's draft."""
    bundle = await world.offer("standard", *travellers, service=train or world.train())
    return await world.change(order, add(bundle, *travellers), **more)


async def held(world: World, *travellers: str) -> str:
    """Return a new order whose draft holds seats."""
    order = await world.order()
    answer = await hold(world, order, *travellers)
    assert answer.status == 200, answer.body
    return order


async def test_a_draft_holds_no_more_seats_than_its_limit(world: World) -> None:
    order, train = await held(world, *TWO), world.train()
    before = world.snapshot(order)
    answer = await hold(world, order, THIRD, train=train)
    assert (answer.status, answer.code) == (409, "ORDER_HOLDS_TOO_MANY")
    assert world.snapshot(order) == before
    assert train not in "".join(world.seats_of(order))


async def test_a_draft_at_its_limit_may_move_to_other_seats(world: World) -> None:
    order = await held(world, *TWO)
    bundle = await world.offer("standard", *TWO, service=world.train())
    assert (await world.change(order, replace(await world.lines(order), bundle))).status == 200
    assert len(world.seats_of(order)) == ORDER_MOST


async def test_confirmed_seats_do_not_count_towards_the_limit(world: World) -> None:
    order = await held(world, *TWO)
    assert (await world.confirm(order, CARD)).status == 200
    assert (await hold(world, order, *TWO)).status == 200


async def test_all_drafts_of_a_client_hold_no_more_seats_than_its_limit_and_other_clients_are_not_affected(
    world: World,
) -> None:
    async with with_authentication(world) as door:
        one, other = door.client().world, door.client().world
        await held(one, *TWO)
        await held(one, ADULT)
        refused = await hold(one, await one.order(), ADULT)
        assert (refused.status, refused.code) == (409, "CLIENT_HOLDS_TOO_MANY")
        await held(other, ADULT)


@pytest.mark.parametrize("how", ["discarded", "confirmed"])
async def test_released_or_sold_seats_make_room(world: World, how: str) -> None:
    async with with_authentication(world) as door:
        mine = door.client().world
        first = await held(mine, *TWO)
        await held(mine, ADULT)
        ended = await (mine.discard(first) if how == "discarded" else mine.confirm(first, CARD))
        assert ended.status == 200, ended.body
        await held(mine, *TWO)


async def test_an_expired_hold_makes_room(world: World) -> None:
    async with with_authentication(world) as door:
        mine = door.client().world
        await held(mine, *TWO)
        await held(mine, ADULT)
        later = world.components.store.now() + world.components.deadlines.draft + 2 * world.components.deadlines.margin
        order, train = await mine.order(), world.train()
        with world.clock_at(later):
            assert (await hold(mine, order, ADULT, train=train)).status == 200


async def test_a_client_at_its_limit_may_do_everything_that_holds_no_further_seat(world: World) -> None:
    async with with_authentication(world) as door:
        mine = door.client().world
        sold = await mine.order()
        assert (await hold(mine, sold, ADULT, confirm=True, payment=CARD)).status == 200
        full = [await held(mine, *TWO), await held(mine, ADULT)]
        dearer = await mine.upgrade(sold, confirm=True, payment=CARD)
        assert dearer.status == 200, dearer.body
        named = {"op": "set_travellers", "travellers": [{"id": ADULT, "passport": "P1"}]}
        assert (await mine.change(sold, named)).status == 200
        assert (await mine.confirm(sold, CARD)).status == 200
        gone = await mine.change(sold, {"op": "remove_lines", "lines": await mine.lines(sold)}, confirm=True)
        assert gone.status == 200, gone.body
        assert [(await mine.confirm(each, CARD)).status for each in full] == [200, 200]


async def test_of_concurrent_requests_only_one_gets_the_last_hold(world: World) -> None:
    async with with_authentication(world) as door:
        mine = door.client().world
        await held(mine, *TWO)
        orders = [await mine.order() for _ in range(6)]
        trains = [world.train() for _ in orders]
        answers = await asyncio.gather(
            *(hold(mine, order, ADULT, train=train) for order, train in zip(orders, trains, strict=True))
        )
        assert sorted(each.status for each in answers) == [200, 409, 409, 409, 409, 409]
        assert {each.code for each in answers if each.status != 200} == {"CLIENT_HOLDS_TOO_MANY"}


async def test_without_authentication_only_the_limit_of_the_order_applies(world: World) -> None:
    for _ in range(CLIENT_MOST):
        await held(world, *TWO)
