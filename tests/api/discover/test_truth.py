"""discover.swiss: responses stay correct after concurrent requests, unusual orders and native changes."""

import asyncio
from datetime import timedelta

import pytest

from domain.products import GroupSize
from tests.support.discover_client import DAY_CARD, HELMA, HUAN, JHON, THREE_DAYS, DiscoverClient, codes, item
from tests.support.world import CARD, Answer, Json

CHILD = {"identifier": "x", "birthDate": "2010-02-18", "givenName": "Xenia", "familyName": "Young"}
GROWN = CHILD | {"birthDate": "1980-02-18"}


async def test_a_traveller_has_one_birth_date_on_an_order(market: DiscoverClient) -> None:
    answer = await market.send("POST", "/orders", {"orderedItem": [item(DAY_CARD, CHILD), item(DAY_CARD, GROWN)]})
    assert (answer.status, codes(answer), answer.body["order"]["orderedItem"]) == (200, ["traveller_differs"], [])
    order = await market.order(item(DAY_CARD, CHILD))
    before = market.world.snapshot(order)
    assert codes(await market.add(order, item(THREE_DAYS, GROWN))) == ["traveller_differs"]
    whole = [{"orderItemNumber": f"{order}-1"} | item(THREE_DAYS, CHILD), item(DAY_CARD, GROWN)]
    assert codes(await market.send("PUT", f"/orders/{order}", {"orderedItem": whole})) == ["traveller_differs"]
    assert market.world.snapshot(order) == before


async def test_a_departed_train_may_be_taken_off_an_order_that_was_never_paid(market: DiscoverClient) -> None:
    product, _, departs = market.panorama()
    order = await market.order(item(DAY_CARD, JHON), item(product, HELMA, valid_from=departs))
    with market.world.clock_at(market.world.components.store.now() + timedelta(days=40)):
        # Its draft is over: whatever else is changed in it would end with it.
        assert codes(await market.put(f"{order}-1", item(THREE_DAYS, JHON))) == ["service_departed"]
        gone = await market.remove(f"{order}-2")
        assert (gone.status, codes(gone)) == (200, [])
        assert codes(await market.put(f"{order}-1", item(THREE_DAYS, JHON))) == []
    assert [each["orderItemNumber"] for each in (await market.show(order))["orderedItem"]] == [f"{order}-1"]


async def test_members_a_client_omits_are_taken_from_the_order_as_another_client_changed_it(
    market: DiscoverClient,
) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    partial = {"orderedItem": {"product": {"identifier": THREE_DAYS}}}
    answers = await asyncio.gather(
        market.put(f"{order}-1", item(DAY_CARD, JHON, HELMA)), *(market.put(f"{order}-1", partial) for _ in range(3))
    )
    assert [codes(each) for each in answers] == [[]] * 4
    people = (await market.item(f"{order}-1"))["orderedItem"]["traveler"]
    assert {each["identifier"] for each in people} == {"jhon", "helma"}


async def test_names_set_by_a_concurrent_request_are_kept(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    renamed = {"orderedItem": {"traveler": [{"identifier": "jhon", "givenName": "Renamed"}]}}
    other = {"orderedItem": {"product": {"identifier": THREE_DAYS}}}
    for _ in range(3):
        await asyncio.gather(market.put(f"{order}-1", other), market.put(f"{order}-1", renamed))
        (found,) = (await market.item(f"{order}-1"))["orderedItem"]["traveler"]
        assert found["givenName"] == "Renamed"


@pytest.mark.parametrize(
    ("when", "zone"), [("9999-12-31T23:59:59Z", "Asia/Tokyo"), ("0001-01-01T00:00:00Z", "America/Denver")]
)
async def test_a_day_no_calendar_has_is_a_bad_request(market: DiscoverClient, when: str, zone: str) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    body = item(DAY_CARD, JHON, valid_from=when)
    put = await market.put(f"{order}-1", body, Accept_Timezone=zone)
    found = await market.send("POST", f"/orders/{order}/offers", body["orderedItem"], Accept_Timezone=zone)
    assert [(each.status, each.code) for each in (put, found)] == [(400, "MEMBER_INVALID")] * 2
    search = {"product": DAY_CARD, "valid_from": when, "time_zone": zone, "travellers": [{"id": "a"}]}
    assert (await market.world.post("/v1/offers", search)).status == 422


async def test_a_repeated_removal_and_a_repeated_earlier_request_have_their_first_answers(
    market: DiscoverClient,
) -> None:
    order = await market.order(item(DAY_CARD, JHON), item(DAY_CARD, HELMA))
    put = await market.put(f"{order}-2", item(THREE_DAYS, HELMA), Idempotency_Key="put-1")
    removed = [await market.remove(f"{order}-2", Idempotency_Key="del-1") for _ in range(2)]
    assert [(each.status, each.body) for each in removed] == [(200, {"orderItem": None, "validationMessages": []})] * 2
    again = await market.put(f"{order}-2", item(THREE_DAYS, HELMA), Idempotency_Key="put-1")
    assert (put.status, again.status, again.headers["idempotency-replayed"]) == (200, 200, "true")


@pytest.mark.parametrize("birth", ["1980-13-45", "1980-02-18T99:00:00z", "18.02.1980"])
async def test_a_birth_date_is_never_repeated_in_a_problem(market: DiscoverClient, birth: str) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    answer = await market.put(f"{order}-1", item(DAY_CARD, JHON | {"birthDate": birth}))
    details = {"op": "set_travellers", "travellers": [{"id": "jhon", "birth_date": birth}]}
    native = await market.world.change(order, details)
    assert (answer.status, native.status) == (400, 422)
    assert birth[:8] not in f"{answer.body} {native.body}"
    written = await market.put(f"{order}-1", item(DAY_CARD, JHON | {"birthDate": "1980-02-18t10:00:00z"}))
    assert (written.status, codes(written)) == (200, [])


async def test_every_message_says_which_item_it_is_about(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, JHON), item(DAY_CARD, HELMA))
    one, two = [(await market.item(f"{order}-{n}"))["offerBundleId"] for n in (1, 2)]
    frozen = {"traveler": [HELMA | {"birthDate": "1999-01-01"}]}
    items = [
        {"orderItemNumber": f"{order}-1", "offerBundleId": one},
        {"orderItemNumber": f"{order}-2", "offerBundleId": two, "orderedItem": frozen},
    ]
    answer = await market.send("PUT", f"/orders/{order}", {"orderedItem": items})
    assert about(answer) == [("field_frozen", f"{order}-2")]
    foreign = await market.bundle(await market.order(), DAY_CARD, HELMA)
    items[1] = {"orderItemNumber": f"{order}-2", "offerBundleId": foreign}
    answer = await market.send("PUT", f"/orders/{order}", {"orderedItem": items})
    assert about(answer) == [("offer_not_found", f"{order}-2")]
    bundle = await market.bundle(order, DAY_CARD, HUAN)
    other = {"traveler": [HUAN | {"birthDate": "2011-01-01"}]}
    added = await market.add(order, {"offerBundleId": bundle, "orderedItem": other})
    assert about(added) == [("field_frozen", added.body["orderItem"]["orderItemNumber"])]


def about(answer: Answer) -> list[tuple[str, str]]:
    return [(each["code"], each["orderItemNumber"]) for each in answer.body["validationMessages"]]


async def test_a_bundle_is_taken_once_and_may_change_places(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, JHON), item(DAY_CARD, HELMA))
    one, two = [(await market.item(f"{order}-{n}"))["offerBundleId"] for n in (1, 2)]
    before = market.world.snapshot(order)
    added = await market.add(order, {"offerBundleId": one})
    put = await market.put(f"{order}-2", {"offerBundleId": one})
    assert [(each.status, codes(each)) for each in (added, put)] == [(200, ["offer_taken"])] * 2
    assert market.world.snapshot(order) == before
    swapped = [
        {"orderItemNumber": f"{order}-1", "offerBundleId": two},
        {"orderItemNumber": f"{order}-2", "offerBundleId": one},
    ]
    assert codes(await market.send("PUT", f"/orders/{order}", {"orderedItem": swapped})) == []
    assert (await market.item(f"{order}-1"))["offerBundleId"] == two


async def test_no_traveller_gets_the_details_of_another(market: DiscoverClient) -> None:
    ann = {"givenName": "Ann", "familyName": "One", "birthDate": "1980-01-01", "passport": "PA"}
    bob = {"givenName": "Bob", "familyName": "Two", "birthDate": "1980-01-01"}
    order = await market.order(item(DAY_CARD, ann))
    answer = await market.put(f"{order}-1", item(DAY_CARD, bob))
    (found,) = answer.body["orderItem"]["orderedItem"]["traveler"]
    assert (found["givenName"], "passport" in found) == ("Bob", False)
    await market.add(order, item(DAY_CARD, CHILD | {"passport": "PX"}))
    await market.remove(f"{order}-2")
    fresh = await market.add(order, item(DAY_CARD, {"identifier": "x", "birthDate": "2011-01-01"}))
    (found,) = fresh.body["orderItem"]["orderedItem"]["traveler"]
    assert ("passport" in found, "givenName" in found, len(codes(fresh))) == (False, False, 2)


async def test_impossible_birth_dates_are_refused_in_every_request(market: DiscoverClient) -> None:
    product = market.product(fields_for_offer=(), fields_for_order=(), group=GroupSize(smallest=1, largest=5))
    order = await market.order(item(product, {"identifier": "a"}))
    bundle = (await market.item(f"{order}-1"))["offerBundleId"]
    unborn = {"traveler": [{"identifier": "a", "birthDate": "2999-01-01"}]}
    for body in ({"orderedItem": unborn}, {"offerBundleId": bundle, "orderedItem": unborn}):
        assert codes(await market.put(f"{order}-1", body)) == ["traveler_incorrect_birthdate"]
    assert "priceCHF" not in (await market.item(f"{order}-1"))["orderedItem"]["traveler"][0]


async def test_members_that_contradict_the_bundle_are_ignored_with_a_warning(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    bundle = (await market.item(f"{order}-1"))["offerBundleId"]
    other = {"product": {"productIdentifier": "other"}, "validFrom": "2030-01-01", "numberOfTravelers": 3}
    answer = await market.put(f"{order}-1", {"offerBundleId": bundle, "orderedItem": other})
    assert sorted(codes(answer)) == ["number_of_travelers_ignored", "product_ignored", "valid_from_ignored"]
    nameless = {name: value for name, value in JHON.items() if name != "identifier"} | {"birthDate": "1981-01-01"}
    answer = await market.put(f"{order}-1", {"offerBundleId": bundle, "orderedItem": {"traveler": [nameless]}})
    assert [(m["field"], m["travelerIdentifier"]) for m in answer.body["validationMessages"]] == [("birthDate", "jhon")]


async def test_items_changed_on_the_native_api_are_shown_completely(market: DiscoverClient) -> None:
    order, native = await market.order(item(DAY_CARD, JHON)), market.world
    b1, b2 = [await market.bundle(order, DAY_CARD, traveller) for traveller in (JHON, HELMA)]
    wishes = [{"offer_bundle_id": each} for each in (b1, b2)]
    replaced = {"op": "replace_lines", "lines": [f"{order}-1"], "with": wishes}
    assert (await native.change(order, replaced)).status == 200
    shown = await market.item(f"{order}-1")
    assert (shown["amount"], "offerBundleId" in shown) == (54.0, False)
    three = {"op": "add_lines", "offer_bundle_id": await native_bundle(market), "count": 3}
    assert (await native.change(order, three)).status == 200
    many: Json = await market.item(f"{order}-2")
    assert (many["amount"], [each["priceCHF"] for each in many["orderedItem"]["traveler"]]) == (
        81.0,
        [27.0, 27.0, 27.0],
    )
    # Three travellers lack both names.
    assert len(codes(await market.send("GET", f"/orders/{order}/items/{order}-2"))) == 6


async def native_bundle(market: DiscoverClient) -> str:
    search = {
        "product": DAY_CARD,
        "valid_from": "2027-01-01T00:00:00Z",
        "travellers": [{"id": "k", "birth_date": "1990-01-01"}],
    }
    return str((await market.world.post("/v1/offers", search)).body["offer_bundles"][0]["id"])


async def test_a_body_without_a_content_type_is_json(market: DiscoverClient) -> None:
    answer = await market.world.http.post(f"{market.base}/orders", content=b"{}")
    assert answer.status_code == 200


async def test_a_blank_name_counts_as_missing(market: DiscoverClient) -> None:
    order = await market.order()
    answer = await market.add(order, item(DAY_CARD, JHON | {"givenName": "   ", "familyName": ""}))
    assert sorted(codes(answer)) == ["traveler_family_name_absent", "traveler_given_name_absent"]


async def test_a_paid_order_is_refused_as_paid_before_any_other_error(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    assert (await market.world.confirm(order, CARD)).status == 200
    for body in (item("nova_basel"), {"orderQuantity": 2}, {"offerBundleId": "unknown"}):
        assert codes(await market.put(f"{order}-1", body)) == ["order-not-in-state-to-use-move-to"]
    assert codes(await market.send("PUT", f"/orders/{order}", {})) == ["order-not-in-state-to-use-move-to"]
    stale = await market.put(f"{order}-1", item("nova_basel"), If_Match='"e1"')
    assert (stale.status, stale.code) == (412, "STALE_ORDER")
