"""The document's own requests, sent as they are printed, get the answers it prints; ids and clock aside."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.discover_client import JESSIKA, JHON, THREE_DAYS, DiscoverClient, item
from tests.support.world import Answer, Json

DOCUMENTS = Path(__file__).parents[3] / "examples" / "discover"
WEST = {"Accept_Timezone": "Etc/GMT+6"}
"""Two times of the document fit this zone: what is midnight there is 06:00 UTC."""
_MADE_BY_US = {"id", "offerBundleId", "orderItemNumber", "expiresAt"}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EXTRA = {"taxIncludedCHF"}


def printed(name: str) -> Any:
    return json.loads((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"), parse_float=Decimal)


def comparable(value: Any, name: str = "") -> Any:
    """Return an answer without ids and clock, its arrays in an order of their own, money to nine places."""
    if isinstance(value, dict):
        return {key: comparable(each, key) for key, each in value.items() if key not in EXTRA}
    if isinstance(value, list):
        return sorted((comparable(each, name) for each in value), key=repr)
    if isinstance(value, Decimal | float):
        return round(Decimal(str(value)), 9).normalize()
    if name in _MADE_BY_US or (name == "identifier" and _UUID.fullmatch(str(value))):
        return f"<{name}>"
    return value


async def three_cards(market: DiscoverClient) -> str:
    """Make an order like the document's: three items, the second with names."""
    card = item(THREE_DAYS, JHON, JESSIKA, valid_from="2021-10-15T00:00:00")
    return await market.order(card, card, card, **WEST)


def same(answer: Answer, name: str) -> None:
    assert answer.status == 200
    assert comparable(answer.body) == comparable(printed(name))


async def test_a_new_product_configuration(market: DiscoverClient) -> None:
    order = await three_cards(market)
    answer = await market.put(f"{order}-3", printed("1-new-product.request"), Accept_Timezone="UTC")
    same(answer, "1-new-product.answer")
    assert answer.body["orderItem"]["orderItemNumber"] == f"{order}-3"
    assert answer.body["orderItem"]["offerBundleId"]


async def test_the_same_bundle(market: DiscoverClient) -> None:
    order = await three_cards(market)
    bundle = (await market.item(f"{order}-2"))["offerBundleId"]
    wanted = printed("2-same-bundle.request") | {"offerBundleId": bundle}
    answer = await market.put(f"{order}-2", wanted)
    same(answer, "2-same-bundle.answer")
    assert answer.body["orderItem"]["offerBundleId"] == bundle


async def test_bundles_are_found_and_taken_with_their_travellers_completed(market: DiscoverClient) -> None:
    order = await three_cards(market)
    found = await market.send("POST", f"/orders/{order}/offers", printed("3-offers.request"), **WEST)
    same(found, "3-offers.answer")
    expires = [
        found.body["offerBundle"][0]["expiresAt"],
        *(o["expiresAt"] for o in found.body["offerBundle"][0]["offer"]),
    ]
    assert all(each.endswith("-06:00") for each in expires)
    wanted: Json = printed("4-travellers.request") | {"offerBundleId": found.body["offerBundle"][0]["id"]}
    answer = await market.put(f"{order}-1", wanted)
    same(answer, "4-travellers.answer")
    assert answer.body["orderItem"]["offerBundleId"] == wanted["offerBundleId"]


async def test_numbers_on_the_wire_are_exact(market: DiscoverClient) -> None:
    order = await three_cards(market)
    raw = (await market.world.http.get(f"{market.base}/orders/{order}/items/{order}-2")).text
    assert '"taxCHF":8.162,' in raw
    assert '"taxRate":8.162,' in raw
    assert '"amount":106.0,' in raw
    assert '"priceCHF":53.0' in raw
    assert '"taxIncludedCHF":7.58' in raw
