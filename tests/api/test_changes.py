"""The main example of a change over HTTP, on both databases."""

from tests.support.canary import ADULT
from tests.support.world import CARD, World, add, replace


async def test_an_order_is_sold_in_one_go(world: World) -> None:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    answer = await world.change(order, add(bundle, ADULT), confirm=True, payment=CARD)
    assert (answer.status, answer.body["state"]) == (200, "done")
    shown = await world.show(order)
    assert (shown["status"], shown["version"], shown["balance"]) == ("confirmed", 1, "0.00")
    assert [line["price"] for line in shown["lines"]] == ["299.00"]
    assert shown["reservations"][0]["state"] == "confirmed"


async def test_a_dearer_departure_goes_through_a_draft(world: World) -> None:
    order = await world.sold(ADULT)
    noon = await world.offer("flexible", ADULT, service=world.train())
    answer = await world.change(order, replace([f"{order}-1"], noon))
    assert answer.status == 200
    assert answer.body["order"]["balance"] == "100.00"
    assert answer.body["replaced"] == [{"lines": [f"{order}-1"], "by": [f"{order}-2"]}]
    assert (await world.show(order))["draft"]["progress"]["draft_open"] is True
    assert (await world.confirm(order)).code == "BALANCE_NOT_ZERO"
    assert (await world.confirm(order, CARD)).status == 200
    shown = await world.show(order)
    assert (shown["version"], shown["status"], shown["paid"]) == (2, "confirmed", "399.00")
