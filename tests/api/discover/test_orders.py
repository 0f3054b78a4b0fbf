"""discover.swiss: whole orders, their states, and the same orders on the native API."""

import pytest

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
from tests.support.world import CARD, Json

ADULTS = (JHON, JESSIKA)
OUT_OF_STATE = ["order-not-in-state-to-use-move-to"]


async def paid(market: DiscoverClient) -> str:
    order = await market.order(item(DAY_CARD, *ADULTS))
    assert (await market.world.confirm(order, CARD)).status == 200
    return order


async def test_an_empty_body_makes_an_empty_order(market: DiscoverClient) -> None:
    answer = await market.send("POST", "/orders", {})
    order = answer.body["order"]
    assert (answer.status, set(answer.body)) == (200, {"order", "validationMessages"})
    assert (order["orderStatus"], order["priceCurrency"], order["totalAmount"], order["orderedItem"]) == (
        "New",
        "CHF",
        0.0,
        [],
    )
    assert (await market.send("GET", f"/orders/{order['orderNumber']}")).body == answer.body


async def test_an_order_with_items_numbers_them_and_adds_them_up(market: DiscoverClient) -> None:
    answer = await market.send("POST", "/orders", {"orderedItem": [item(DAY_CARD, *ADULTS), item(THREE_DAYS, HUAN)]})
    order = answer.body["order"]
    number = order["orderNumber"]
    assert (answer.status, codes(answer), order["orderStatus"]) == (200, [], "Placed")
    assert [each["orderItemNumber"] for each in order["orderedItem"]] == [f"{number}-1", f"{number}-2"]
    assert (order["totalAmount"], order["totalTaxCHF"], order["totalTaxIncludedCHF"]) == (91.0, 7.007, 6.51)


async def test_an_order_stays_empty_when_one_of_its_first_items_is_refused(market: DiscoverClient) -> None:
    body = {"orderedItem": [item(DAY_CARD, *ADULTS), item("nova_basel", *ADULTS)]}
    answer = await market.send("POST", "/orders", body)
    assert (answer.status, codes(answer)) == (200, ["orderitem_product_incorrect"])
    assert (answer.body["order"]["orderStatus"], answer.body["order"]["orderedItem"]) == ("New", [])


async def test_a_whole_order_keeps_changes_adds_and_removes_items_at_once(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, *ADULTS), item(DAY_CARD, HELMA), item(THREE_DAYS, HUAN))
    kept = (await market.item(f"{order}-1"))["offerBundleId"]
    body = {
        "orderedItem": [
            {"orderItemNumber": f"{order}-1", "offerBundleId": kept},
            {"orderItemNumber": f"{order}-3"} | item(DAY_CARD, HUAN),
            item(THREE_DAYS, HELMA),
        ]
    }
    answer = await market.send("PUT", f"/orders/{order}", body)
    assert (answer.status, codes(answer)) == (200, [])
    found = {
        each["orderItemNumber"]: (each["orderedItem"]["product"]["identifier"], each["amount"])
        for each in answer.body["order"]["orderedItem"]
    }
    assert found == {
        f"{order}-1": (DAY_CARD, 54.0),
        f"{order}-3": (DAY_CARD, 19.0),
        f"{order}-4": (THREE_DAYS, 53.0),
    }
    assert (await market.item(f"{order}-1"))["offerBundleId"] == kept


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (item("nova_basel", HELMA), "orderitem_product_incorrect"),
        ({"orderItemNumber": "26-100000-99"} | item(DAY_CARD, HELMA), "orderitem_not_found"),
        ({"offerBundleId": "5230c53b-042f-4429-b72c-b2e77e6119f7"}, "offer_not_found"),
        ({"orderItemNumber": "SAME"} | item(DAY_CARD, HELMA), "lines_overlap"),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_a_whole_order_is_changed_whole_or_not_at_all(market: DiscoverClient, last: Json, code: str) -> None:
    order = await market.order(item(DAY_CARD, *ADULTS), item(DAY_CARD, HELMA))
    before, shown = market.world.snapshot(order), await market.show(order)
    if last.get("orderItemNumber") == "SAME":
        last = last | {"orderItemNumber": f"{order}-1"}
    body = {"orderedItem": [{"orderItemNumber": f"{order}-1"} | item(THREE_DAYS, HELMA), last]}
    answer = await market.send("PUT", f"/orders/{order}", body)
    assert (answer.status, codes(answer), answer.body["order"]) == (200, [code], shown)
    assert market.world.snapshot(order) == before


async def test_a_whole_order_without_items_removes_nothing_unless_it_says_so(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, *ADULTS))
    before = market.world.snapshot(order)
    for body in ({}, {"orderedItem": None}, {"orderStatus": "Placed"}):
        answer = await market.send("PUT", f"/orders/{order}", body)
        assert (answer.status, codes(answer)) == (200, ["ordered_item_absent"])
    assert market.world.snapshot(order) == before
    emptied = await market.send("PUT", f"/orders/{order}", {"orderedItem": []})
    assert (emptied.status, emptied.body["order"]["orderStatus"], emptied.body["order"]["orderedItem"]) == (
        200,
        "New",
        [],
    )


@pytest.mark.parametrize("state", ["Paid", "Paid, with a draft on it", "Canceled"])
async def test_an_order_that_was_paid_is_not_changed_here(market: DiscoverClient, state: str) -> None:
    order = await paid(market)
    native = market.world
    if state == "Canceled":
        lines = await native.lines(order)
        done = await native.change(
            order, {"op": "remove_lines", "lines": lines}, confirm=True, refund_price_difference=True
        )
        assert done.status == 200, done.body
    elif state != "Paid":
        removed = {"op": "remove_lines", "lines": (await native.lines(order))[:1]}
        assert (await native.change(order, removed, refund_price_difference=True)).status == 200
    shown, before = (await market.show(order)), native.snapshot(order)
    assert shown["orderStatus"] == state.split(",", maxsplit=1)[0]
    bundle = await market.bundle(order, DAY_CARD, JHON)
    requests: list[tuple[str, str, Json]] = [
        ("POST", f"/orders/{order}/items", {"offerBundleId": bundle}),
        ("PUT", f"/orders/{order}", {"orderedItem": [item(DAY_CARD, JHON)]}),
    ]
    if state != "Canceled":
        one = f"/orders/{order}/items/{order}-1"
        requests += [("PUT", one, {"offerBundleId": bundle}), ("PUT", one, {"orderQuantity": 1}), ("DELETE", one, {})]
    for method, path, body in requests:
        answer = await market.send(method, path, body or None)
        assert (answer.status, codes(answer)) == (200, OUT_OF_STATE), (method, path)
        assert (answer.body["validationMessages"][0]["level"], native.snapshot(order)) == ("Error", before)
    last = native.changes_of(order)[-1]
    assert last.outcome is not None, "refused by the workflow, and recorded"


async def test_the_native_api_shows_and_changes_the_same_order(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, *without_names(*ADULTS)))
    shown = await market.world.show(order)
    assert (shown["status"], shown["total"], shown["currency"]) == ("draft", "54.00", "CHF")
    assert [(line["position"], line["product"], line["price"]) for line in shown["lines"]] == [
        (1, DAY_CARD, "27.00"),
        (1, DAY_CARD, "27.00"),
    ]
    assert (await market.world.confirm(order, CARD)).code == "TRAVELLERS_INCOMPLETE"
    names = [
        {
            "id": each["identifier"],
            "given_name": each["givenName"],
            "family_name": each["familyName"],
            "gender": "female",
        }
        for each in ADULTS
    ]
    assert (await market.world.change(order, {"op": "set_travellers", "travellers": names})).status == 200
    found = (await market.item(f"{order}-1"))["orderedItem"]["traveler"]
    assert {(each["identifier"], each["familyName"], each["gender"]) for each in found} == {
        ("jhon", "Jhon", "Female"),
        ("jessika", "Jessika", "Female"),
    }
    assert (await market.show(order))["orderStatus"] == "Placed"
    assert (await market.world.confirm(order, CARD)).status == 200
    assert (await market.show(order))["orderStatus"] == "Paid"


async def test_the_native_api_has_the_same_rules(market: DiscoverClient) -> None:
    order = await paid(market)
    native = market.world
    refused = await native.change(order, {"op": "keep_positions", "positions": []}, until_confirmed=True)
    assert (refused.status, refused.code) == (409, "ALREADY_CONFIRMED")
    draft = await market.order(item(DAY_CARD, JHON), item(DAY_CARD, HELMA))
    same = {"op": "set_position", "position": 1, "offer_bundle_id": (await market.item(f"{draft}-1"))["offerBundleId"]}
    before = native.snapshot(draft)
    assert (await native.change(draft, same)).status == 200
    assert native.snapshot(draft) == before
    unknown = {"op": "set_position", "position": 9, "travellers": []}
    assert (await native.change(draft, unknown)).code == "LINE_NOT_FOUND"
    assert (await native.change(draft, {"op": "remove_lines", "position": 2})).status == 200
    assert (await native.change(draft, {"op": "remove_lines", "position": 2})).code == "LINE_REMOVED"
    assert [each["orderItemNumber"] for each in (await market.show(draft))["orderedItem"]] == [f"{draft}-1"]


async def test_an_order_in_another_currency_is_not_found(market: DiscoverClient) -> None:
    order = await market.world.order("NOK")
    for method, path in (
        ("GET", f"/orders/{order}"),
        ("PUT", f"/orders/{order}"),
        ("DELETE", f"/orders/{order}/items/{order}-1"),
    ):
        answer = await market.send(method, path, {} if method == "PUT" else None)
        assert (answer.status, answer.code) == (404, "ORDER_NOT_FOUND")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("number", ["26-100000-99", "x", "26-100000", "1", "26-999999-1"])
async def test_an_unknown_item_is_404(market: DiscoverClient, method: str, number: str) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    body = item(DAY_CARD, JHON) if method == "PUT" else None
    answer = await market.send(method, f"/orders/{order}/items/{number}", body)
    assert (answer.status, answer.code) == (404, "ORDER_ITEM_NOT_FOUND")
