"""The requests printed in discover.swiss's document get the printed responses, apart from ids and times."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.discover_client import JESSIKA, JHON, THREE_DAYS, DiscoverClient, item
from tests.support.world import Answer, Json

DOCUMENTS = Path(__file__).parents[3] / "examples" / "discover"
WEST = {"Accept_Timezone": "Etc/GMT+6"}
"""The zone in which two times of the document fit: midnight there is 06:00 UTC."""
_GENERATED = {"id", "offerBundleId", "orderItemNumber", "expiresAt"}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EXTRA = {"taxIncludedCHF"}


def printed(name: str) -> Any:
    return json.loads((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"), parse_float=Decimal)


def comparable(value: Any, name: str = "") -> Any:
    """Return a response without ids and times, its arrays sorted, amounts rounded to nine places."""
    if isinstance(value, dict):
        return {key: comparable(each, key) for key, each in value.items() if key not in EXTRA}
    if isinstance(value, list):
        return sorted((comparable(each, name) for each in value), key=repr)
    if isinstance(value, Decimal | float):
        return round(Decimal(str(value)), 9).normalize()
    if name in _GENERATED or (name == "identifier" and _UUID.fullmatch(str(value))):
        return f"<{name}>"
    return value


async def three_cards(market: DiscoverClient) -> str:
    """Create an order like the document's, with three items."""
    card = item(THREE_DAYS, JHON, JESSIKA, valid_from="2021-10-15T00:00:00")
    return await market.order(card, card, card, **WEST)


def assert_as_printed(answer: Answer, name: str) -> None:
    assert answer.status == 200
    assert comparable(answer.body) == comparable(printed(name))


async def test_a_new_product_configuration(market: DiscoverClient) -> None:
    order = await three_cards(market)
    answer = await market.put(f"{order}-3", printed("1-new-product.request"), Accept_Timezone="UTC")
    assert_as_printed(answer, "1-new-product.answer")
    assert answer.body["orderItem"]["orderItemNumber"] == f"{order}-3"
    assert answer.body["orderItem"]["offerBundleId"]


async def test_the_same_bundle(market: DiscoverClient) -> None:
    order = await three_cards(market)
    bundle = (await market.item(f"{order}-2"))["offerBundleId"]
    body = printed("2-same-bundle.request") | {"offerBundleId": bundle}
    answer = await market.put(f"{order}-2", body)
    assert_as_printed(answer, "2-same-bundle.answer")
    assert answer.body["orderItem"]["offerBundleId"] == bundle


async def test_bundles_are_found_and_taken_with_their_travellers_completed(market: DiscoverClient) -> None:
    order = await three_cards(market)
    found = await market.send("POST", f"/orders/{order}/offers", printed("3-offers.request"), **WEST)
    assert_as_printed(found, "3-offers.answer")
    expires = [
        found.body["offerBundle"][0]["expiresAt"],
        *(o["expiresAt"] for o in found.body["offerBundle"][0]["offer"]),
    ]
    assert all(each.endswith("-06:00") for each in expires)
    body: Json = printed("4-travellers.request") | {"offerBundleId": found.body["offerBundle"][0]["id"]}
    answer = await market.put(f"{order}-1", body)
    assert_as_printed(answer, "4-travellers.answer")
    assert answer.body["orderItem"]["offerBundleId"] == body["offerBundleId"]


async def test_numbers_in_responses_are_exact(market: DiscoverClient) -> None:
    order = await three_cards(market)
    raw = (await market.world.http.get(f"{market.base}/orders/{order}/items/{order}-2")).text
    assert '"taxCHF":8.162,' in raw
    assert '"taxRate":8.162,' in raw
    assert '"amount":106.0,' in raw
    assert '"priceCHF":53.0' in raw
    assert '"taxIncludedCHF":7.58' in raw
