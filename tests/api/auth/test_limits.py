"""Nobody asks more often than they may: each client by itself, and who is not let in by address."""

from tests.support.auth import with_authentication
from tests.support.world import World

PATH = "/v1/orders/26-999999"


async def test_a_client_is_told_what_is_left_and_then_to_wait(world: World) -> None:
    async with with_authentication(world, client_per_minute=3) as door:
        one, other = door.client().world, door.client().world
        left = [(await one.http.get(PATH)).headers["RateLimit"] for _ in range(3)]
        assert [each.split(";")[1] for each in left] == ["r=2", "r=1", "r=0"]
        refused = await one.http.get(PATH)
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert refused.headers["RateLimit-Policy"] == '"client";q=3;w=60'
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert (await other.http.get(PATH)).status_code == 404


async def test_who_is_not_let_in_may_not_try_for_ever_and_keeps_nobody_else_out(world: World) -> None:
    async with with_authentication(world, unauthenticated_per_minute=2) as door:
        known = door.client().world
        tries = [(await door.with_bearer("guess").http.get(PATH)).status_code for _ in range(2)]
        tries.append((await door.world.http.get(PATH)).status_code)
        assert tries == [401, 401, 429]
        assert (await known.http.get(PATH)).status_code == 404


async def test_where_nobody_is_asked_nothing_is_counted(world: World) -> None:
    assert "RateLimit" not in (await world.http.get(PATH)).headers


async def test_who_only_asks_for_prices_has_less_than_others_have(world: World) -> None:
    async with with_authentication(world, client_per_minute=9, prices_per_minute=2) as door:
        mine, other = door.client().world, door.client().world
        order = await mine.order()
        quote = {"operations": [{"op": "remove_lines", "lines": [f"{order}-1"]}]}
        first = await mine.http.post(f"/v1/orders/{order}/quotes", json=quote)
        assert first.headers["RateLimit-Policy"] == '"client";q=9;w=60, "prices";q=2;w=60'
        assert [each.split(";")[1] for each in first.headers["RateLimit"].split(", ")] == ["r=7", "r=1"]
        assert (await mine.http.get(f"/v1/orders/{order}/change-options")).status_code == 200
        probing = [
            await mine.http.post("/v1/offers", json={}),
            await mine.http.post(f"/v1/orders/{order}/quotes", json=quote),
            await mine.http.get(f"/v1/orders/{order}/change-options"),
            await mine.http.get(
                f"/sales/v1beta/change-options?orderId={order}",
                headers={"Entur-Distribution-Channel": "A:B:C", "Entur-Pos": "kiosk"},
            ),
            await mine.http.post(f"/b2bmarket/v1/orders/{order}/offers", json={}),
        ]
        assert {(each.status_code, each.json()["code"]) for each in probing} == {(429, "RATE_LIMITED")}
        assert (await mine.show(order))["number"] == order
        assert (await other.http.get(f"/v1/orders/{order}/change-options")).status_code == 200
