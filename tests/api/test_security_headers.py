"""Security headers of every response; URLs and headers that are too long get a problem."""

import pytest

from tests.support.world import World

DEFAULTS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/openapi.json"),
        ("GET", "/v1/orders/26-999999"),
        ("GET", "/nowhere"),
        ("PUT", "/v1/orders"),
        ("POST", "/v1/orders"),
        ("GET", "/sales/v1/orders/26-999999"),
        ("GET", "/b2bmarket/v1/orders/26-999999"),
    ],
)
async def test_responses_are_not_cached_framed_or_sniffed(world: World, method: str, path: str) -> None:
    headers = (await world.http.request(method, path)).headers
    assert {name: headers[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.only_on("sqlite")  # the store is not queried
async def test_a_documentation_page_may_load_what_we_serve_and_nothing_else(world: World) -> None:
    policy = (await world.http.get("/docs")).headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.only_on("sqlite")  # the store is not queried
@pytest.mark.parametrize(
    "address",
    [f"/v1/orders/{'9' * 9000}", f"/v1/orders/26-100000?{'a' * 9000}", f"/{'%41' * 3000}"],
    ids=["a path", "a query", "a path in percents"],
)
async def test_an_address_that_is_too_long_is_414(world: World, address: str) -> None:
    answer = await world.send("GET", address)
    assert (answer.status, answer.code) == (414, "ADDRESS_TOO_LONG")
    assert "999" not in str(answer.body)


@pytest.mark.only_on("sqlite")  # the store is not queried
async def test_headers_that_are_too_large_are_431(world: World) -> None:
    answer = await world.send("GET", "/v1/orders/26-999999", **{f"X-More-{n}": "x" * 1000 for n in range(20)})
    assert (answer.status, answer.code) == (431, "HEADERS_TOO_LARGE")


async def test_a_url_just_below_the_limit_is_answered(world: World) -> None:
    assert (await world.send("GET", f"/v1/orders/{'9' * 4000}?{'a' * 4000}")).status == 404
