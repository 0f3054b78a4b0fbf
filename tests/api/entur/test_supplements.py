"""Entur: supplements for sold lines, except supplements that would change seats."""

from datetime import timedelta

import pytest

from tests.support.canary import ADULT
from tests.support.entur_client import EnturClient, new_key
from tests.support.stock import add_stock
from tests.support.world import CARD, Json


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


async def own_offer(sales: EnturClient, order: str) -> str:
    return str((await sales.show(order))["orderLines"][0]["offerId"])


async def test_the_lines_own_offer_serves_though_it_has_expired(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT)
    offer = await own_offer(sales, order)
    with sales.world.clock_at(sales.world.components.store.now() + timedelta(hours=2)):
        answer = await sales.supplements(order, line, offer, {"selectedProductId": "MEAL"})
    assert answer.status == 200, answer.body


async def test_an_offer_of_another_product_or_service_does_not_serve(sales: EnturClient) -> None:
    train = sales.world.train()
    order, (line,) = await sales.sold(ADULT, train=train)
    before = sales.world.snapshot(order)
    for product, service in (("flexible", train), ("standard", sales.world.train())):
        offer = await sales.offer(product, ADULT, service=service)
        answer = await sales.supplements(order, line, offer, {"selectedProductId": "MEAL"})
        assert (answer.status, answer.code) == (400, "SUPPLEMENT_NOT_OFFERED")
        assert answer.body["errors"][0]["pointer"] == "/offerConfigurations/0/offerId"
    assert sales.world.snapshot(order) == before


async def test_the_present_offer_of_a_replaced_line_serves_under_its_old_id(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT, product="flexible")
    old = await own_offer(sales, order)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    configuration = {"offerId": offer, "orderLineId": line}
    assert (await sales.update(order, configuration)).status == 200
    assert (await sales.supplements(order, line, old, {"selectedProductId": "MEAL"})).code == "SUPPLEMENT_NOT_OFFERED"
    assert (await sales.supplements(order, line, offer, {"selectedProductId": "MEAL"})).status == 200


async def test_a_repeated_request_for_a_supplement_is_not_checked_again(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT, product="flexible")
    offer, key = await own_offer(sales, order), new_key()
    wish = {"offerId": offer, "orderLineId": line, "selectedProductsConfiguration": [{"selectedProductId": "MEAL"}]}
    body, path = {"orderId": order, "offerConfigurations": [wish]}, "/v1/update-order/supplement-products"
    first = await sales.send("POST", path, body, Idempotency_Key=key)
    later = await sales.offer("flexible", ADULT, service=sales.world.train())
    assert (await sales.update(order, {"offerId": later, "orderLineId": line})).status == 200
    again = await sales.send("POST", path, body, Idempotency_Key=key)
    assert (again.status, again.body) == (200, first.body)


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


async def test_a_bicycle_is_sold_as_long_as_the_train_has_room_for_it(sales: EnturClient) -> None:
    stock = add_stock(sales.world, bicycles=1)
    train = stock.train()
    orders = [await stock.sell(ADULT, train, bicycles=0, confirm=True, payment=CARD) for _ in range(2)]
    bicycle = {"selectedProductId": stock.bicycle}
    answers = [await sales.supplements(each, f"{each}-1", await own_offer(sales, each), bicycle) for each in orders]
    assert [(each.status, each.code) for each in answers] == [(200, None), (409, "SOLD_OUT")]
    reset = await sales.send("POST", f"/v1/orders/{orders[0]}/reset")
    assert (reset.status, stock.held(train)) == (200, [])
    again = await sales.supplements(orders[1], f"{orders[1]}-1", await own_offer(sales, orders[1]), bicycle)
    assert again.status == 200, again.body
