"""Rate limits: per client, and per IP address for unauthenticated requests."""

from tests.support.auth import with_authentication
from tests.support.world import World

PATH = "/v1/orders/26-999999"


async def test_a_client_learns_the_rest_of_its_limit_and_when_to_retry(world: World) -> None:
    async with with_authentication(world, client_per_minute=3) as authenticated:
        one, other = authenticated.client().world, authenticated.client().world
        left = [(await one.http.get(PATH)).headers["RateLimit"] for _ in range(3)]
        assert [each.split(";")[1] for each in left] == ["r=2", "r=1", "r=0"]
        refused = await one.http.get(PATH)
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert refused.headers["RateLimit-Policy"] == '"client";q=3;w=60'
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert (await other.http.get(PATH)).status_code == 404


async def test_unauthenticated_requests_are_limited_without_affecting_clients(world: World) -> None:
    async with with_authentication(world, unauthenticated_per_minute=2) as authenticated:
        known = authenticated.client().world
        tries = [(await authenticated.with_bearer("guess").http.get(PATH)).status_code for _ in range(2)]
        tries.append((await authenticated.world.http.get(PATH)).status_code)
        assert tries == [401, 401, 429]
        assert (await known.http.get(PATH)).status_code == 404


async def test_without_authentication_no_request_is_counted(world: World) -> None:
    assert "RateLimit" not in (await world.http.get(PATH)).headers


async def test_price_requests_have_a_lower_limit(world: World) -> None:
    async with with_authentication(world, client_per_minute=9, prices_per_minute=2) as authenticated:
        prober, other = authenticated.client().world, authenticated.client().world
        order = await prober.order()
        quote = {"operations": [{"op": "remove_lines", "lines": [f"{order}-1"]}]}
        first = await prober.http.post(f"/v1/orders/{order}/quotes", json=quote)
        assert first.headers["RateLimit-Policy"] == '"client";q=9;w=60, "prices";q=2;w=60'
        assert [each.split(";")[1] for each in first.headers["RateLimit"].split(", ")] == ["r=7", "r=1"]
        assert (await prober.http.get(f"/v1/orders/{order}/change-options")).status_code == 200
        probing = [
            await prober.http.post("/v1/offers", json={}),
            await prober.http.post(f"/v1/orders/{order}/quotes", json=quote),
            await prober.http.get(f"/v1/orders/{order}/change-options"),
            await prober.http.get(
                f"/sales/v1beta/change-options?orderId={order}",
                headers={"Entur-Distribution-Channel": "A:B:C", "Entur-Pos": "kiosk"},
            ),
            await prober.http.post(f"/b2bmarket/v1/orders/{order}/offers", json={}),
        ]
        assert {(each.status_code, each.json()["code"]) for each in probing} == {(429, "RATE_LIMITED")}
        assert (await prober.show(order))["number"] == order
        assert (await other.http.get(f"/v1/orders/{order}/change-options")).status_code == 200
