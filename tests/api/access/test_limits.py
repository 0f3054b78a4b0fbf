"""Nobody asks more often than they may: each client by itself, and who is not let in by address."""

from tests.support.access import guarded
from tests.support.world import World

PATH = "/v1/orders/26-999999"


async def test_a_client_is_told_what_is_left_and_then_to_wait(world: World) -> None:
    async with guarded(world, client_per_minute=3) as door:
        one, other = door.client().world, door.client().world
        left = [(await one.http.get(PATH)).headers["RateLimit"] for _ in range(3)]
        assert [each.split(";")[1] for each in left] == ["r=2", "r=1", "r=0"]
        refused = await one.http.get(PATH)
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert refused.headers["RateLimit-Policy"] == '"client";q=3;w=60'
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert (await other.http.get(PATH)).status_code == 404


async def test_who_is_not_let_in_may_not_try_for_ever_and_keeps_nobody_else_out(world: World) -> None:
    async with guarded(world, unknown_per_minute=2) as door:
        known = door.client().world
        tries = [(await door.asking("guess").http.get(PATH)).status_code for _ in range(2)]
        tries.append((await door.world.http.get(PATH)).status_code)
        assert tries == [401, 401, 429]
        assert (await known.http.get(PATH)).status_code == 404


async def test_where_nobody_is_asked_nothing_is_counted(world: World) -> None:
    assert "RateLimit" not in (await world.http.get(PATH)).headers
