"""Entur: supplements for sold lines, except supplements that would change seats."""

import pytest

from tests.support.canary import ADULT
from tests.support.entur_client import EnturClient
from tests.support.world import Json


async def test_meals_are_added_and_the_seats_stay(sales: EnturClient) -> None:
    train = sales.world.train()
    order, (line,) = await sales.sold(ADULT, train=train)
    offer = await sales.offer("standard", ADULT, service=train)
    seats = (await sales.show(order))["reservations"]
    answer = await sales.supplements(order, line, offer, {"selectedProductId": "MEAL", "count": 2})
    assert (answer.status, len(answer.body["orderLineIds"]), answer.body["reservationIds"]) == (200, 2, [])
    shown = await sales.show(order)
    assert (shown["reservations"], shown["balance"], shown["fees"]) == (seats, "178.00", [])
    assert [each["supplementOf"] for each in shown["orderLines"]] == [None, line, line]


async def test_a_supplement_is_added_once_unless_a_count_is_given(sales: EnturClient) -> None:
    train = sales.world.train()
    order, (line,) = await sales.sold(ADULT, train=train)
    offer = await sales.offer("standard", ADULT, service=train)
    answer = await sales.supplements(order, line, offer, {"selectedProductId": "MEAL"}, {"selectedProductId": "MEAL"})
    assert len(answer.body["orderLineIds"]) == 2


@pytest.mark.parametrize("product", ["SEAT_RESERVATION", "UPGRADE"])
async def test_a_request_with_a_supplement_that_changes_seats_is_refused_completely(
    sales: EnturClient, product: str
) -> None:
    train = sales.world.train()
    order, (line,) = await sales.sold(ADULT, train=train)
    offer = await sales.offer("standard", ADULT, service=train)
    before = sales.world.snapshot(order)
    products: list[Json] = [{"selectedProductId": "MEAL"}, {"selectedProductId": product}]
    answer = await sales.supplements(order, line, offer, *products)
    assert (answer.status, answer.code) == (400, "SEATING_CHANGE_NOT_SUPPORTED")
    assert sales.world.snapshot(order) == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"offerId": "00000000-0000-4000-8000-000000000000"}, "OFFER_NOT_FOUND"),
        ({"orderLineId": "26-999999-9"}, "LINE_NOT_FOUND"),
        ({"selectedProductsConfiguration": []}, "MEMBER_INVALID"),
        ({"selectedProductsConfiguration": [{"selectedProductId": "MEAL", "count": 0}]}, "MEMBER_INVALID"),
        ({"selectedProductsConfiguration": [{"selectedProductId": "TROMBONE"}]}, "SUPPLEMENT_NOT_OFFERED"),
    ],
    ids=str,
)
async def test_an_invalid_supplement_is_refused(sales: EnturClient, change: Json, code: str) -> None:
    train = sales.world.train()
    order, (line,) = await sales.sold(ADULT, train=train)
    offer = await sales.offer("standard", ADULT, service=train)
    valid = {
        "offerId": offer,
        "orderLineId": line,
        "selectedProductsConfiguration": [{"selectedProductId": "MEAL"}],
    }
    body = {"orderId": order, "offerConfigurations": [valid | change]}
    answer = await sales.send("POST", "/v1/update-order/supplement-products", body)
    assert (answer.status, answer.code) == (404 if "NOT_FOUND" in code else 400, code)
