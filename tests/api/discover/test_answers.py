"""discover.swiss: an answer is the request's own, also when it is repeated after everything has changed."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from store import erasure
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
from tests.support.erasure_data import backdate_order
from tests.support.world import TENANT, Answer, Json


def new_key() -> str:
    return str(uuid.uuid4())


def people_in(answer: Answer) -> list[str]:
    return [each["identifier"] for each in answer.body["orderItem"]["orderedItem"]["traveler"]]


async def test_each_of_many_updates_of_one_item_at_once_gets_its_own_item(market: DiscoverClient) -> None:
    order = await market.order(item(THREE_DAYS, JHON))
    people = [{**JHON, "identifier": f"jhon-{number}"} for number in range(6)]
    answers = await asyncio.gather(*(market.put(f"{order}-1", item(DAY_CARD, each)) for each in people))
    assert [people_in(each) for each in answers] == [[each["identifier"]] for each in people]
    assert len({each.headers["etag"] for each in answers}) == 6


async def test_each_of_many_additions_at_once_gets_its_own_item(market: DiscoverClient) -> None:
    order = await market.order()
    people = [{**JHON, "identifier": f"jhon-{number}"} for number in range(6)]
    answers = await asyncio.gather(*(market.add(order, item(DAY_CARD, each)) for each in people))
    assert [people_in(each) for each in answers] == [[each["identifier"]] for each in people]
    assert len({each.body["orderItem"]["orderItemNumber"] for each in answers}) == 6


async def test_a_key_repeated_after_other_changes_gets_its_first_answer(market: DiscoverClient) -> None:
    order = await market.order(item(THREE_DAYS, JHON, JESSIKA), item(THREE_DAYS, HELMA, HUAN))
    requests: list[tuple[str, str, Json | None, str]] = [
        ("PUT", f"/orders/{order}/items/{order}-1", item(DAY_CARD, JHON), new_key()),
        ("POST", f"/orders/{order}/items", item(DAY_CARD, HELMA), new_key()),
        ("DELETE", f"/orders/{order}/items/{order}-2", None, new_key()),
        ("PUT", f"/orders/{order}", {"orderedItem": [item(THREE_DAYS, JESSIKA)]}, new_key()),
    ]
    first = [await market.send(method, path, body, Idempotency_Key=key) for method, path, body, key in requests]
    assert [each.status for each in first] == [200] * 4
    assert (await market.send("PUT", f"/orders/{order}", {"orderedItem": []})).status == 200
    again = [await market.send(method, path, body, Idempotency_Key=key) for method, path, body, key in requests]
    assert [each.body for each in again] == [each.body for each in first]
    assert [each.headers["etag"] for each in again] == [each.headers["etag"] for each in first]
    assert {each.headers["idempotency-replayed"] for each in again} == {"true"}


async def test_an_order_created_under_a_key_is_answered_as_it_was_created(market: DiscoverClient) -> None:
    for body in ({}, {"orderedItem": [item(THREE_DAYS, JHON)]}):
        key = new_key()
        first = await market.send("POST", "/orders", body, Idempotency_Key=key)
        order = first.body["order"]["orderNumber"]
        assert (await market.add(order, item(DAY_CARD, HELMA))).status == 200
        again = await market.send("POST", "/orders", body, Idempotency_Key=key)
        assert again.body == first.body


async def test_a_refusal_shows_the_item_as_it_was_refused(market: DiscoverClient) -> None:
    order = await market.order(item(THREE_DAYS, JHON))
    taken = await market.bundle(order, DAY_CARD, JHON)
    body = {"offerBundleId": taken, "orderedItem": {"traveler": without_names(JHON)}}
    assert (await market.add(order, body)).status == 200
    key = new_key()
    refused = await market.put(f"{order}-1", body, Idempotency_Key=key)
    assert codes(refused) == ["offer_taken"]
    assert (await market.put(f"{order}-1", item(DAY_CARD, HELMA))).status == 200
    again = await market.put(f"{order}-1", body, Idempotency_Key=key)
    assert again.body == refused.body
    assert people_in(again) == ["jhon"]


async def test_a_refusal_before_the_request_is_submitted_stays_one(market: DiscoverClient) -> None:
    order, key, product = await market.order(item(THREE_DAYS, JHON)), new_key(), market.product()
    market.withdraw(product)
    body = item(product, JHON)
    refused = await market.put(f"{order}-1", body, Idempotency_Key=key)
    assert (refused.status, codes(refused)) == (200, ["orderitem_product_incorrect"])
    assert refused.body["orderItem"]["orderedItem"]["product"]["identifier"] == THREE_DAYS
    assert (await market.put(f"{order}-1", item(DAY_CARD, HELMA))).status == 200
    again = await market.put(f"{order}-1", body, Idempotency_Key=key)
    assert (again.body, again.headers["idempotency-replayed"]) == (refused.body, "true")
    other = await market.put(f"{order}-1", item(DAY_CARD, JHON), Idempotency_Key=key)
    assert (other.status, other.code) == (422, "IDEMPOTENCY_MISMATCH")
    (row,) = [each for each in market.world.changes_of(order) if each.idempotency_key == key]
    details = (await market.world.send("GET", f"/v1/changes/{row.id}")).body
    (error,) = details["problem"]["errors"]
    assert (details["state"], error["code"]) == ("refused", "orderitem_product_incorrect")


async def test_a_refusal_that_names_a_traveller_is_blanked_with_the_order(market: DiscoverClient) -> None:
    order, key, store = await market.order(item(THREE_DAYS, JHON)), new_key(), market.world.components.store
    body = item(DAY_CARD, {**HELMA, "gender": "purple"})
    refused = await market.put(f"{order}-1", body, Idempotency_Key=key)
    assert [each["travelerIdentifier"] for each in refused.body["validationMessages"]] == ["helma"]
    await market.world.discard(order)
    await market.world.wait_for_end(order)
    backdate_order(store, order, timedelta(days=3000))
    with store.write() as tx:
        erasure.erase(tx, TENANT, order, store.now())
    again = await market.put(f"{order}-1", body, Idempotency_Key=key)
    assert codes(again) == codes(refused) == ["person_gender_incorrect"]
    assert not {"helma", "jhon"} & {each["travelerIdentifier"] for each in again.body["validationMessages"]}


async def test_a_repeated_answer_has_its_warnings_about_what_was_ignored(market: DiscoverClient) -> None:
    order, key = await market.order(item(THREE_DAYS, JHON)), new_key()
    body = item(DAY_CARD, JHON, numberOfTravelers=2)
    first = await market.put(f"{order}-1", body, Idempotency_Key=key)
    assert codes(first) == ["number_of_travelers_ignored"]
    again = await market.put(f"{order}-1", body, Idempotency_Key=key)
    assert again.body == first.body


async def test_a_repeated_answer_does_not_depend_on_a_later_catalogue(market: DiscoverClient) -> None:
    product, key = market.product(name="Card of the day"), new_key()
    order = await market.order(item(THREE_DAYS, JHON))
    first = await market.put(f"{order}-1", item(product, *without_names(HELMA)), Idempotency_Key=key)
    assert codes(first) == ["traveler_given_name_absent", "traveler_family_name_absent"]
    market.withdraw(product)
    again = await market.put(f"{order}-1", item(product, *without_names(HELMA)), Idempotency_Key=key)
    assert again.body == first.body


async def test_a_repeated_answer_names_nobody_who_was_erased_and_is_the_same_otherwise(market: DiscoverClient) -> None:
    order, key, store = await market.order(item(THREE_DAYS, HELMA)), new_key(), market.world.components.store
    first = await market.put(f"{order}-1", item(DAY_CARD, JHON, JESSIKA), Idempotency_Key=key)
    assert (first.body["orderItem"]["orderItemStatus"], codes(first)) == ("Placed", [])
    assert (await market.send("PUT", f"/orders/{order}", {"orderedItem": []})).status == 200
    await market.world.discard(order)
    await market.world.wait_for_end(order)
    backdate_order(store, order, timedelta(days=3000))
    with store.write() as tx:
        assert erasure.erase(tx, TENANT, order, store.now()) == 3
    again = await market.put(f"{order}-1", item(DAY_CARD, JHON, JESSIKA), Idempotency_Key=key)
    assert again.status == 200, again.body
    before, after = first.body["orderItem"]["orderedItem"], again.body["orderItem"]["orderedItem"]
    assert [set(each) - {"priceCHF"} for each in after["traveler"]] == [{"identifier"}] * 2
    assert [each["priceCHF"] for each in after["traveler"]] == [each["priceCHF"] for each in before["traveler"]]
    assert not {each["identifier"] for each in after["traveler"]} & {"jhon", "jessika"}
    assert again.body["validationMessages"] == []
    before["traveler"] = after["traveler"] = []
    first.body["orderItem"]["orderedItem"] = again.body["orderItem"]["orderedItem"] = before
    assert {**again.body["orderItem"]} == {**first.body["orderItem"]}


PATHS = [
    pytest.param("PUT", "/orders/{order}/items/{order}-1", [1], id="item updated"),
    pytest.param("POST", "/orders/{order}/items", [], id="item added"),
    pytest.param("PUT", "/orders/{order}", [], id="order updated"),
]


@pytest.mark.parametrize(("method", "path", "positions"), PATHS)
async def test_a_refusal_that_the_native_api_has_too_keeps_its_code_there(
    market: DiscoverClient, method: str, path: str, positions: list[int]
) -> None:
    product, _, departs = market.panorama(seats=1)
    order, key = await market.order(item(DAY_CARD, JHON, JESSIKA)), new_key()
    body = item(product, JHON, JESSIKA, valid_from=departs)
    sent = {"orderedItem": [body]} if path.endswith("{order}") else body
    refused = await market.send(method, path.format(order=order), sent, Idempotency_Key=key)
    assert codes(refused) == ["sold_out"]
    (row,) = [each for each in market.world.changes_of(order) if each.idempotency_key == key]
    problem = (await market.world.send("GET", f"/v1/changes/{row.id}")).body["problem"]
    assert (problem["code"], problem["status"]) == ("SOLD_OUT", 409)
    assert [each["position"] for each in problem["errors"]] == positions
    again = await market.send(method, path.format(order=order), sent, Idempotency_Key=key)
    assert again.body == refused.body
