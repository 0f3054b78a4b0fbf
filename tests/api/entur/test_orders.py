"""Entur: the order, its confirmation and its change options."""

import asyncio

import pytest

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.entur_client import EnturClient
from tests.support.world import people

REQUIRED = {
    "balance",
    "createdAt",
    "currency",
    "failed",
    "fees",
    "id",
    "orderLines",
    "organisationId",
    "paymentRefs",
    "reservations",
    "status",
    "totalAmount",
    "totalTaxAmount",
    "travellers",
    "version",
}


async def test_an_order_has_every_member_entur_requires(sales: EnturClient) -> None:
    order, (line,) = await sales.sold_in_three_calls(ADULT)
    named = {"op": "set_travellers", "travellers": people(ADULT)}
    await sales.world.change(order, named, confirm=True)
    shown = await sales.show(order)
    assert set(shown) >= REQUIRED
    assert (shown["status"], shown["totalAmount"], shown["totalTaxAmount"]) == ("CONFIRMED", "299.00", "32.04")
    assert shown["orderLines"][0]["price"] == {
        "amount": "299.00",
        "currency": "NOK",
        "taxAmount": "32.04",
        "taxRate": "0.12",
    }
    assert shown["orderLines"][0]["reservationIds"] == [seat["id"] for seat in shown["reservations"]]
    assert [each["givenName"] for each in shown["travellers"]] == [people(ADULT)[0]["given_name"]]
    assert (len(shown["paymentRefs"]), shown["failed"]) == (1, False)
    assert shown["lastConfirmedAt"] is not None
    assert line == shown["orderLines"][0]["id"]


async def test_confirming_a_confirmed_order_returns_the_same_state(sales: EnturClient) -> None:
    order, _ = await sales.sold(ADULT)
    shown = await sales.show(order)
    answer = await sales.confirm(order)
    assert (answer.status, answer.body) == (200, shown)


async def test_an_unknown_order_is_404_everywhere(sales: EnturClient) -> None:
    for method, path in (
        ("GET", "/v1/orders/26-999999999"),
        ("GET", "/v1beta/change-options?orderId=26-999999999"),
        ("POST", "/v1/orders/26-999999999/orderlines/confirm"),
        ("POST", "/v1/orders/ABCD1234/reset"),
    ):
        answer = await sales.send(method, path)
        assert (answer.status, answer.code) == (404, "ORDER_NOT_FOUND")


async def test_change_options_refer_to_the_confirmed_version(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT, product="standard")

    async def options() -> object:
        ((shown),) = (await sales.send("GET", f"/v1beta/change-options?orderId={order}")).body["list"]
        assert shown["orderId"] == order
        (of_line,) = shown["orderLineOptions"]
        assert of_line["orderLineId"] == line
        return of_line["options"]

    before = await options()
    assert isinstance(before, list)
    exchange, on_top = before
    assert (exchange["types"], exchange["fee"]["amount"]) == (["exchange"], "50.00")
    assert ([each["id"] for each in on_top["specifiedProducts"]], "fee" in on_top) == (["MEAL", "BICYCLE"], False)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    await sales.update(order, {"offerId": offer, "orderLineId": line})
    assert await options() == before


async def test_a_free_option_has_no_fee_and_an_order_never_confirmed_has_only_free_ones(sales: EnturClient) -> None:
    flexible, _ = await sales.sold(ADULT, product="flexible")
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    draft = (await sales.reserve({"offerId": offer})).body["orderId"]
    for order in (flexible, draft):
        (shown,) = (await sales.send("GET", f"/v1beta/change-options?orderId={order}")).body["list"]
        assert all("fee" not in option for option in shown["orderLineOptions"][0]["options"])
        native = (await sales.world.send("GET", f"/v1/orders/{order}/change-options")).body
        assert {option["fee"] for line in native["lines"] for option in line["options"]} == {"0.00"}


@pytest.mark.only_on("sqlite")  # no store is used
async def test_the_order_id_of_change_options_is_required(sales: EnturClient) -> None:
    answer = await sales.send("GET", "/v1beta/change-options")
    assert (answer.status, answer.code) == (400, "MEMBER_INVALID")


async def test_a_change_that_takes_too_long_is_accepted_and_can_be_looked_up(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    armed = sales.world.faults.arm(order, StepName.RESERVE_SEATS, Fault.PAUSED)
    # Requests wait thirty seconds by default; this client waits for one.
    accepted = await sales.update(order, {"offerId": offer, "orderLineId": line}, Prefer="wait=1")
    assert (accepted.status, accepted.body) == (
        202,
        {"orderId": order, "orderLineIds": [], "reservationIds": [], "replacedByOrderLineIds": []},
    )
    armed.go_on.set()
    async with asyncio.timeout(20):
        while (await sales.world.send("GET", accepted.headers["location"])).body["state"] != "done":  # noqa: ASYNC110 - the change is polled
            await asyncio.sleep(0.05)
    assert (await sales.show(order))["version"] == 2
