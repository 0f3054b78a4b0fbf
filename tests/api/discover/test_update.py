"""discover.swiss: an order item is updated in place, by product, by bundle, or by completing its travellers."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from temporal.names import StepName
from tests.support.discover_client import (
    DAY_CARD,
    HELMA,
    HUAN,
    JESSIKA,
    JHON,
    THREE_DAYS,
    DiscoverClient,
    codes,
    item,
    without_names,
)
from tests.support.world import Json


async def two_cards(market: DiscoverClient) -> str:
    return await market.order(item(THREE_DAYS, JHON, JESSIKA), item(THREE_DAYS, HELMA, HUAN))


async def test_the_same_bundle_changes_nothing_and_holds_nothing_twice(market: DiscoverClient) -> None:
    product, service, departs = market.panorama()
    order = await market.order(item(product, JHON, JESSIKA, valid_from=departs))
    before, events = market.world.snapshot(order), await history(market, order)
    shown = await market.item(f"{order}-1")
    for _ in range(2):
        answer = await market.put(f"{order}-1", {"orderQuantity": 1, "offerBundleId": shown["offerBundleId"]})
        assert (answer.status, answer.body) == (200, {"orderItem": shown, "validationMessages": []})
    assert (market.world.snapshot(order), await history(market, order)) == (before, events)
    assert market.world.seats_of(order) == [f"{service} 1-1 held", f"{service} 1-2 held"]


async def test_another_bundle_of_the_order_is_swapped_and_the_old_hold_released_once(market: DiscoverClient) -> None:
    product, service, departs = market.panorama()
    later, other, leaves = market.panorama()
    order = await market.order(item(product, JHON, JESSIKA, valid_from=departs))
    bundle = await market.bundle(order, later, JHON, JESSIKA, valid_from=leaves)
    answer = await market.put(f"{order}-1", {"orderQuantity": 1, "offerBundleId": bundle})
    found = answer.body["orderItem"]
    assert (answer.status, found["offerBundleId"], found["orderItemNumber"]) == (200, bundle, f"{order}-1")
    assert found["orderedItem"]["product"]["identifier"] == later
    assert market.world.seats_of(order) == [f"{other} 1-1 held", f"{other} 1-2 held"]
    changes = [row.id for row in market.world.changes_of(order)]
    assert await count_releases(market, changes) == 1
    assert service not in str(market.world.seats_of(order))


async def test_a_product_configuration_gets_a_new_bundle(market: DiscoverClient) -> None:
    order = await two_cards(market)
    old = (await market.item(f"{order}-1"))["offerBundleId"]
    answer = await market.put(f"{order}-1", item(THREE_DAYS, JHON, JESSIKA))
    assert answer.status == 200
    assert answer.body["orderItem"]["offerBundleId"] not in (old, None)
    assert answer.body["orderItem"]["amount"] == 106.0


async def test_what_a_configuration_leaves_out_stays_as_it_was(market: DiscoverClient) -> None:
    order = await two_cards(market)
    answer = await market.put(f"{order}-2", {"orderedItem": {"product": {"identifier": DAY_CARD}}})
    found = answer.body["orderItem"]["orderedItem"]
    assert (answer.status, found["product"]["identifier"], found["validFrom"]) == (
        200,
        DAY_CARD,
        "2021-10-22T10:00:00+00:00",
    )
    assert {each["identifier"]: each["priceCHF"] for each in found["traveler"]} == {"helma": 27.0, "huan": 19.0}


@pytest.mark.parametrize("body", [{"orderQuantity": 1}, {}, {"orderedItem": None, "offerBundleId": None}], ids=str)
async def test_a_product_without_offers_needs_no_bundle_and_shows_none(market: DiscoverClient, body: Json) -> None:
    product = market.product(sold_by_offers=False)
    order = await market.order(item(product, JHON))
    shown = await market.item(f"{order}-1")
    assert "offerBundleId" not in shown
    answer = await market.put(f"{order}-1", body)
    assert (answer.status, answer.body) == (200, {"orderItem": shown, "validationMessages": []})
    changed = await market.put(f"{order}-1", item(product, HELMA))
    assert (changed.status, codes(changed), "offerBundleId" in changed.body["orderItem"]) == (200, [], False)
    assert changed.body["orderItem"]["orderItemNumber"] == f"{order}-1"


async def test_products_of_the_demo_catalogue_with_a_departure_and_without_offers(market: DiscoverClient) -> None:
    order, child = await market.order(Accept_Timezone="Europe/Zurich"), HUAN | {"birthDate": "2018-02-18"}
    day = (market.world.components.store.now() + timedelta(days=9)).date().isoformat()
    (found,) = await market.offers(order, "gotthard_panorama", JHON, child, valid_from=day)
    assert found["totalPrice"] == 13600 + 6800
    added = await market.add(order, {"offerBundleId": found["id"]})
    leaves = datetime.fromisoformat(added.body["orderItem"]["orderedItem"]["validFrom"])
    assert leaves.astimezone(ZoneInfo("Europe/Zurich")).isoformat()[:16] == f"{day}T09:18"
    assert await market.offers(order, "gotthard_panorama", JHON, valid_from=f"{day}T09:19:00") == []
    assert await market.offers(order, "zoo_zurich", JHON, valid_from=day) == []
    zoo = await market.add(order, item("zoo_zurich", JHON, child | {"identifier": "child"}, valid_from=day))
    assert (zoo.body["orderItem"]["amount"], "offerBundleId" in zoo.body["orderItem"]) == (46.0, False)
    assert len(market.world.seats_of(order)) == 2
    assert (await market.remove(f"{order}-1")).status == 200
    assert market.world.seats_of(order) == []


async def test_an_item_keeps_its_number_through_every_update_and_no_number_is_used_twice(
    market: DiscoverClient,
) -> None:
    order = await two_cards(market)
    for product in (DAY_CARD, THREE_DAYS, DAY_CARD):
        answer = await market.put(f"{order}-1", item(product, JHON))
        assert answer.body["orderItem"]["orderItemNumber"] == f"{order}-1"
    removed = await market.remove(f"{order}-2")
    assert (removed.status, removed.body) == (200, {"orderItem": None, "validationMessages": []})
    assert (await market.remove(f"{order}-2")).code == "ORDER_ITEM_NOT_FOUND"
    added = await market.add(order, item(DAY_CARD, HELMA))
    assert added.body["orderItem"]["orderItemNumber"] == f"{order}-3"
    assert [each["orderItemNumber"] for each in (await market.show(order))["orderedItem"]] == [
        f"{order}-1",
        f"{order}-3",
    ]


UNKNOWN = "5230c53b-042f-4429-b72c-b2e77e6119f7"
REFUSED: list[tuple[Json, str]] = [
    ({"offerBundleId": UNKNOWN}, "offer_not_found"),
    ({"offerBundleId": "no bundle at all"}, "offer_not_found"),
    (item("nova_basel"), "orderitem_product_incorrect"),
    (item("no product at all"), "orderitem_product_incorrect"),
    ({"orderedItem": {"product": {"productIdentifier": "nova_zurichcard"}}}, "orderitem_product_incorrect"),
    (item(DAY_CARD, {"identifier": "new"}), "traveler_incorrect_birthdate"),
    (item(DAY_CARD, {"identifier": "new", "birthDate": "2999-01-01"}), "traveler_incorrect_birthdate"),
    (item(DAY_CARD, JHON | {"gender": "Yes"}), "person_gender_incorrect"),
    ({"orderQuantity": 2, "offerBundleId": UNKNOWN}, "orderitem_quantity_unsupported"),
    ({"orderQuantity": 0}, "orderitem_quantity_unsupported"),
]


@pytest.mark.parametrize(("body", "code"), REFUSED, ids=lambda value: str(value)[:60])
async def test_an_invalid_update_is_refused_completely_and_the_item_stays(
    market: DiscoverClient, body: Json, code: str
) -> None:
    order = await two_cards(market)
    before, shown = market.world.snapshot(order), await market.item(f"{order}-1")
    answer = await market.put(f"{order}-1", body)
    assert (answer.status, codes(answer), answer.body["orderItem"]) == (200, [code], shown)
    assert answer.body["validationMessages"][0]["level"] == "ValidationError"
    assert answer.body["validationMessages"][0]["orderItemNumber"] == f"{order}-1"
    assert market.world.snapshot(order) == before
    added = await market.add(order, body | {"orderedItem": body.get("orderedItem", {})})
    assert (added.status, added.body["orderItem"]) == (200, None)
    assert market.world.snapshot(order) == before


async def test_a_bundle_of_another_order_is_as_unknown_as_any(market: DiscoverClient) -> None:
    order, other_order = await two_cards(market), await market.order()
    bundle = await market.bundle(other_order, DAY_CARD, JHON)
    before = market.world.snapshot(order)
    answer = await market.put(f"{order}-1", {"offerBundleId": bundle})
    assert (answer.status, codes(answer)) == (200, ["offer_not_found"])
    assert market.world.snapshot(order) == before
    native = {"op": "replace_lines", "lines": [f"{order}-1"], "with": [{"offer_bundle_id": bundle}]}
    assert (await market.world.change(order, native)).code == "OFFER_NOT_FOUND"


async def test_all_variants_of_a_product_are_searched(market: DiscoverClient) -> None:
    order = await market.order()
    body = {
        "product": {"productIdentifier": "NOVA_ZURICHCARD".lower()},
        "validFrom": "2021-10-15",
        "traveler": [JHON],
    }
    found = (await market.send("POST", f"/orders/{order}/offers", body)).body["offerBundle"]
    assert sorted(each["totalPrice"] for each in found) == [2700, 5300]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (item(DAY_CARD, *without_names(JHON), valid_from=None), "productconfiguration_valid_from_absent"),  # type: ignore[arg-type] # absent
        (item("nova_basel", *without_names(JHON)), "orderitem_product_incorrect"),
        (item("standard", *without_names(JHON)), "orderitem_product_incorrect"),
        (item(DAY_CARD), "traveler_incorrect_birthdate"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_search_that_finds_nothing_says_why(market: DiscoverClient, body: Json, code: str) -> None:
    order = await market.order()
    answer = await market.send("POST", f"/orders/{order}/offers", body["orderedItem"])
    assert (answer.status, answer.body["offerBundle"], codes(answer)) == (200, [], [code])


async def test_a_product_is_not_sold_further_ahead_than_it_says(market: DiscoverClient) -> None:
    code, now = "productconfiguration_valid_from_too_far_ahead", market.world.components.store.now()
    near, far = ((now + timedelta(days=days)).isoformat() for days in (364, 368))
    order = await market.order(item(DAY_CARD, JHON, valid_from=near))
    before = await market.item(f"{order}-1")
    body = item(DAY_CARD, JHON, valid_from=far)
    for answer in (
        await market.add(order, body),
        await market.put(f"{order}-1", body),
        await market.send("POST", f"/orders/{order}/offers", body["orderedItem"]),
        await market.send("POST", "/orders", {"orderedItem": [body]}),
    ):
        (message,) = answer.body["validationMessages"]
        assert (answer.status, message["level"], message["code"]) == (200, "ValidationError", code)
    assert await market.item(f"{order}-1") == before
    soon = market.product(sold_ahead="P10D")
    days = {"orderedItem": item(soon, JHON, valid_from=near)["orderedItem"]}
    assert codes(await market.add(order, days)) == [code]


async def test_infants_travel_free_beside_an_adult_on_the_family_fare(market: DiscoverClient) -> None:
    order, baby = await market.order(Accept_Timezone="Europe/Zurich"), HUAN | {"birthDate": "2026-06-18"}
    day = (market.world.components.store.now() + timedelta(days=10)).date().isoformat()
    added = await market.add(order, item("gotthard_family", JHON, baby, valid_from=day))
    assert (added.status, codes(added), added.body["orderItem"]["amount"]) == (200, [], 136.0)
    assert len(market.world.seats_of(order)) == 1


async def test_a_withdrawn_variant_is_left_out(market: DiscoverClient) -> None:
    parent, order = f"parent-{DAY_CARD}", await market.order()
    sold = market.product(parent=parent)
    market.product(parent=parent, withdrawn=True)
    body = {"product": {"productIdentifier": parent}, "validFrom": "2021-10-15", "traveler": [JHON]}
    added = await market.add(order, {"orderedItem": body})
    assert (added.status, codes(added)) == (200, [])
    assert added.body["orderItem"]["orderedItem"]["product"]["identifier"] == sold


async def history(market: DiscoverClient, order: str) -> list[Json]:
    found: list[Json] = (await market.world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    return found


async def count_releases(market: DiscoverClient, changes: list[str]) -> int:
    """Return the number of steps that released replaced seats."""
    details = [(await market.world.send("GET", f"/v1/changes/{each}")).body for each in changes]
    return sum(step["step"] == StepName.RELEASE_REPLACED_SEATS for each in details for step in each["steps"])
