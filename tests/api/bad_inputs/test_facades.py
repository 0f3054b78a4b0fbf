"""The façades read bodies as strictly as the native API: a clear problem, nothing stored, nothing echoed."""

from typing import Any

import pytest

from tests.support.entur_client import HEADERS, raw_headers
from tests.support.world import World

CANARY = "Gulfugl-canary"
ROUTES = [
    *("/sales/v1/reserve-offers", "/sales/v1/update-order", "/sales/v1/update-order/supplement-products"),
    *("/b2bmarket/v1/orders", "/b2bmarket/v1/orders/{order}/items", "/b2bmarket/v1/orders/{order}/offers"),
]
JSON = {"Content-Type": "application/json"}


async def post(world: World, route: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any], bytes]:
    """Send a body unchanged to a façade, for an existing order; assert that nothing is stored."""
    order = (await world.send("POST", "/b2bmarket/v1/orders", {})).body["order"]["orderNumber"]
    sent = raw_headers(HEADERS | JSON | {name.replace("_", "-"): value for name, value in headers.items()})
    before = world.rows()
    answer = await world.http.post(route.format(order=order), content=body, headers=sent)
    assert world.rows() == before
    return answer.status_code, answer.json(), answer.content


# Tables of values, several a line: one value a line would separate them from the test below.
BODIES: list[tuple[bytes, int]] = [
    (b'{"product": NaN}', 400), (b'{"product": -Infinity}', 400), (b'{"product": 1e400}', 400),
    (b'{"product": "\\ud800"}', 400), (b'{"product": ' + b"9" * 5000 + b"}", 400),
    (b'{"product": 1, "product": "Gulfugl-canary"}', 400), (b"[" * 30_000 + b"]" * 30_000, 400),
    (b'{"product": "N\xf8K"}', 400), (b'{"product": "', 400), (b"", 400), (b"null", 400), (b"[]", 400), (b'"x"', 400),
    (b'{"product": "' + b"x" * 65536 + b'"}', 413),
]  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("body", "status"), BODIES, ids=lambda value: str(value)[:40])
async def test_an_invalid_json_body_is_a_problem(world: World, route: str, body: bytes, status: int) -> None:
    answered, problem, content = await post(world, route, body)
    assert answered == status, content
    assert problem["code"] in {"MALFORMED_BODY", "DUPLICATE_MEMBER", "MEMBER_INVALID", "BODY_TOO_LARGE"}
    assert CANARY.encode() not in content


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/json; charset=utf-16"},
        {"Content_Encoding": "gzip"},
    ],
    ids=str,
)
async def test_a_body_that_is_not_uncompressed_json_in_utf_8_is_415(
    world: World, route: str, headers: dict[str, str]
) -> None:
    status, problem, _ = await post(world, route, b"{}", **headers)
    assert (status, problem["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


BUNDLE, OFFER = "5230c53b-042f-4429-b72c-b2e77e6119f7", "5d3e9d2c-f9ab-4dd0-a735-100886278e0b"
MEMBERS: list[tuple[str, dict[str, Any]]] = [
    ("/b2bmarket/v1/orders/{order}/items", {"orderQuantity": 1.0, "offerBundleId": BUNDLE}),
    ("/b2bmarket/v1/orders/{order}/items", {"orderQuantity": "1", "offerBundleId": BUNDLE}),
    ("/b2bmarket/v1/orders/{order}/items", {"orderQuantity": True, "offerBundleId": BUNDLE}),
    ("/b2bmarket/v1/orders/{order}/items", {"orderedItem": {"traveler": [{"givenName": f"{CANARY}\0"}]}}),
    ("/b2bmarket/v1/orders/{order}/items", {"orderedItem": {"traveler": [{"givenName": f"{CANARY}\u202e"}]}}),
    ("/b2bmarket/v1/orders/{order}/items", {"orderedItem": {"traveler": [{"givenName": CANARY * 10}]}}),
    ("/b2bmarket/v1/orders/{order}/items", {"orderedItem": {"traveler": [{"birthDate": 0}]}}),
    ("/b2bmarket/v1/orders/{order}/offers", {"numberOfTravelers": 2**31}),
    ("/b2bmarket/v1/orders/{order}/offers", {"traveler": [{"identifier": CANARY}] * 2}),
    ("/b2bmarket/v1/orders/{order}/offers", {"traveler": [{}] * 1000}),
    ("/sales/v1/reserve-offers", {"offerConfigurations": [{"offerId": OFFER, "count": 2**31}]}),
    ("/sales/v1/reserve-offers", {"offerConfigurations": [{"offerId": OFFER, "count": 2**63}]}),
    ("/sales/v1/reserve-offers", {"offerConfigurations": [{"offerId": OFFER, "externalReference": f"{CANARY}\0"}]}),
    ("/sales/v1/reserve-offers", {"offerConfigurations": [{"offerId": OFFER}] * 51}),
]


@pytest.mark.parametrize(("route", "body"), MEMBERS, ids=lambda value: str(value)[:70])
async def test_an_invalid_member_is_a_problem(world: World, route: str, body: dict[str, Any]) -> None:
    order = (await world.send("POST", "/b2bmarket/v1/orders", {})).body["order"]["orderNumber"]
    before = world.rows()
    answer = await world.http.post(route.format(order=order), json=body, headers=raw_headers(HEADERS))
    assert (answer.status_code, answer.json()["code"]) == (400, "MEMBER_INVALID"), answer.text
    assert CANARY not in answer.text
    assert world.rows() == before
