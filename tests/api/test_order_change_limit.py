"""One order accepts a limited number of changes per hour; requests that end its draft are always possible."""

from datetime import timedelta

import pytest

from tests.support.canary import ADULT
from tests.support.world import CARD, Answer, Json, World, add

NOTHING: Json = {"op": "remove_lines", "lines": ["26-000000-1"]}
"""An operation that is refused, but counts as a change request."""
LIMIT = 3


async def change(world: World, order: str, key: str | None = None) -> Answer:
    return await world.change(order, NOTHING, key=key)


async def test_beyond_the_limit_of_changes_the_client_must_wait(world: World) -> None:
    async with world.with_api(changes_per_hour=LIMIT) as here:
        order, other = await here.order(), await here.order()
        assert [(await change(here, order)).code for _ in range(LIMIT)] == ["LINE_NOT_FOUND"] * LIMIT
        before = len(world.changes_of(order))
        refused = await change(here, order)
        assert (refused.status, refused.code) == (429, "ORDER_CHANGED_TOO_OFTEN")
        assert 3500 < int(refused.headers["Retry-After"]) <= 3600
        assert len(world.changes_of(order)) == before
        assert (await change(here, other)).code == "LINE_NOT_FOUND"
        with world.clock_at(world.components.store.now() + timedelta(seconds=int(refused.headers["Retry-After"]))):
            assert (await change(here, order)).code == "LINE_NOT_FOUND"


async def test_a_repeated_key_does_not_count_and_is_answered_as_before(world: World) -> None:
    async with world.with_api(changes_per_hour=LIMIT) as here:
        order = await here.order()
        first = await change(here, order, key="again")
        for _ in range(LIMIT - 1):
            await change(here, order)
        again = await change(here, order, key="again")
        assert (again.status, again.body) == (first.status, first.body)
        assert (await change(here, order)).status == 429


@pytest.mark.parametrize("end", ["confirm", "discard"])
async def test_an_order_is_never_stuck(world: World, end: str) -> None:
    async with world.with_api(changes_per_hour=LIMIT) as here:
        order = await here.order()
        bundle = await here.offer("standard", ADULT, service=world.train())
        assert (await here.change(order, add(bundle, ADULT))).status == 200
        for _ in range(LIMIT - 1):
            await change(here, order)
        until = (world.components.store.now() + timedelta(hours=2)).isoformat()
        longer = await here.send("PATCH", f"/v1/orders/{order}", {"expires_at": until})
        assert (longer.status, longer.code) == (429, "ORDER_CHANGED_TOO_OFTEN")
        assert (await here.pay(order, "10.00")).status == 200
        ended = await (here.confirm(order, CARD) if end == "confirm" else here.discard(order))
        assert ended.status == 200, ended.body


async def test_ends_of_drafts_do_not_count(world: World) -> None:
    async with world.with_api(changes_per_hour=1) as here:
        order = await here.order()
        for _ in range(LIMIT):
            assert (await here.discard(order)).status == 200
        assert (await change(here, order)).code == "LINE_NOT_FOUND"
