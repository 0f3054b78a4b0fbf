"""A draft ends at its deadline, after the requests before it, and releases everything it held. Time is skipped."""

from datetime import datetime, timedelta

import pytest
from temporalio.testing import TimeSkipper

from tests.support.canary import ADULT, CHILD
from tests.support.discover_client import DAY_CARD, HELMA, JHON, THREE_DAYS, DiscoverClient, codes, item
from tests.support.entur_client import EnturClient
from tests.support.stock import add_stock
from tests.support.world import CARD, World, add, people, replace

LATER = timedelta(minutes=21)


async def pass_time(world: World, order: str, by: timedelta = LATER) -> str:
    """Skip time for the draft of an order and wait until its run has ended."""
    await TimeSkipper(world.client).fast_forward(world.workflow(order), by)
    return await world.wait_for_end(order)


async def test_an_expired_draft_restores_the_confirmed_version(world: World) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    for _ in range(2):
        await world.upgrade(order)
    await world.pay(order, "30.00")
    assert await pass_time(world, order) == "COMPLETED"
    assert world.snapshot(order) == before
    assert world.seats_of(order) == seats
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    assert events[-1]["type"] == "draft_expired"
    assert world.at_most_once(order)


async def test_a_draft_lives_until_its_deadline_and_no_shorter(world: World) -> None:
    order, _ = await world.open_draft()
    await TimeSkipper(world.client).fast_forward(world.workflow(order), timedelta(minutes=15))
    assert (await world.show(order))["draft"] is not None
    assert await pass_time(world, order, timedelta(minutes=6)) == "COMPLETED"
    assert (await world.show(order))["draft"] is None


async def test_a_deadline_set_by_a_client_is_kept_when_the_draft_is_changed(world: World) -> None:
    order, _ = await world.open_draft()
    far = (world.components.store.now() + timedelta(days=20)).replace(microsecond=0)
    assert (await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": far.isoformat()})).status == 200
    bundle = await world.offer("standard", ADULT, service=world.train())
    await world.change(order, replace(await world.lines(order), bundle))
    shown = await world.show(order)
    assert datetime.fromisoformat(shown["expires_at"]) == far
    held = [seat for seat in shown["reservations"] if seat["state"] == "held"]
    assert all(datetime.fromisoformat(seat["expires_at"]) > far for seat in held)
    await TimeSkipper(world.client).fast_forward(world.workflow(order), timedelta(days=19))
    assert (await world.show(order))["draft"] is not None
    assert await pass_time(world, order, timedelta(days=2)) == "COMPLETED"


async def test_an_earlier_deadline_ends_the_draft_earlier(world: World) -> None:
    order, _ = await world.open_draft()
    soon = world.components.store.now() + timedelta(minutes=3)
    await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": soon.isoformat()})
    assert await pass_time(world, order, timedelta(minutes=4)) == "COMPLETED"
    assert (await world.show(order))["status"] == "confirmed"


async def test_an_order_never_confirmed_keeps_its_lines_but_no_seats_and_money_when_it_expires(world: World) -> None:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, CHILD, service=world.train())
    await world.change(order, add(bundle, ADULT, CHILD))
    await world.pay(order, "100.00")
    assert await pass_time(world, order) == "COMPLETED"
    shown = await world.show(order)
    assert (shown["status"], len(shown["lines"]), shown["reservations"], shown["paid"]) == ("expired", 2, [], "0.00")
    assert (await world.confirm(order, CARD)).code == "ORDER_EXPIRED"
    assert (await world.pay(order, "10.00")).code == "ORDER_EXPIRED"
    assert world.seats_of(order) == []


async def test_the_next_change_opens_an_expired_order_again_with_new_prices_and_seats(world: World) -> None:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    await world.change(order, add(bundle))
    await pass_time(world, order)
    answer = await world.change(order, {"op": "set_travellers", "travellers": people(ADULT)})
    assert answer.status == 200, answer.body
    shown = await world.show(order)
    assert (shown["status"], shown["version"], len(shown["reservations"])) == ("draft", 1, 1)
    assert shown["lines"][0]["replaces"] == [f"{order}-1"]
    assert (await world.confirm(order, CARD)).status == 200


async def test_a_refused_change_leaves_an_expired_order_expired(world: World) -> None:
    order = await world.order()
    train = world.train(coaches=1, seats=1)
    await world.change(order, add(await world.offer("standard", ADULT, service=train), ADULT))
    await pass_time(world, order)
    await world.sold(CHILD, train=train)
    before = world.snapshot(order)
    answer = await world.change(order, {"op": "set_travellers", "travellers": people(ADULT)})
    assert (answer.status, answer.code) == (409, "SOLD_OUT")
    assert world.snapshot(order) == before
    assert (await world.show(order))["status"] == "expired"


async def test_units_are_released_with_an_expired_draft_and_held_again_with_the_next_change(
    world: World,
) -> None:
    stock = add_stock(world, bicycles=1)
    train = stock.train()
    order = await stock.sell(ADULT, train)
    later = (world.components.store.now() + timedelta(days=20)).replace(microsecond=0)
    assert (await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": later.isoformat()})).status == 200
    (unit,) = (await world.show(order))["units"]
    assert datetime.fromisoformat(unit["expires_at"]) > later
    assert await pass_time(world, order, timedelta(days=21)) == "COMPLETED"
    assert ((await world.show(order))["units"], stock.held(train)) == ([], [])
    again = {"op": "set_travellers", "travellers": people(ADULT)}
    assert (await world.change(order, again)).status == 200
    assert stock.held(train) == ["held"]
    await pass_time(world, order)
    await stock.sell(CHILD, train, confirm=True, payment=CARD)
    assert (await world.change(order, again)).code == "SOLD_OUT"


async def test_a_payment_before_the_deadline_prolongs_the_draft(world: World) -> None:
    order, _ = await world.open_draft()
    before = (await world.show(order))["expires_at"]
    assert (await world.pay(order, "40.00")).status == 200
    shown = await world.show(order)
    assert shown["expires_at"] > before
    assert (shown["paid"], shown["balance"]) == ("339.00", "60.00")


async def test_a_payment_after_the_deadline_authorises_nothing(world: World) -> None:
    order, _ = await world.open_draft()
    await pass_time(world, order)
    answer = await world.pay(order, "40.00")
    assert (answer.status, answer.code) == (409, "PAYMENT_TOO_HIGH")
    assert (await world.show(order))["paid"] == "299.00"


@pytest.mark.parametrize("by", [timedelta(days=-1), timedelta(0), timedelta(days=200)])
async def test_a_deadline_lies_within_the_next_six_months(world: World, by: timedelta) -> None:
    order, _ = await world.open_draft()
    when = world.components.store.now() + by
    answer = await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": when.isoformat()})
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


async def test_an_order_without_a_draft_has_no_deadline_to_move(world: World) -> None:
    order = await world.sold(ADULT)
    when = world.components.store.now() + timedelta(hours=1)
    answer = await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": when.isoformat()})
    assert (answer.status, answer.code) == (409, "NO_DRAFT")


async def test_a_draft_opened_through_enturs_api_expires_like_any_other(world: World) -> None:
    entur = EnturClient(world)
    order, (line,) = await entur.sold_in_three_calls(ADULT)
    before, seats, shown = world.snapshot(order), world.seats_of(order), await entur.show(order)
    offer = await entur.offer("flexible", ADULT, service=world.train())
    assert (await entur.update(order, {"offerId": offer, "orderLineId": line})).status == 200
    assert ((await entur.show(order))["version"], (await entur.show(order))["balance"]) == (2, "100.00")
    assert await pass_time(world, order) == "COMPLETED"
    assert (world.snapshot(order), world.seats_of(order), await entur.show(order)) == (before, seats, shown)


async def test_an_order_of_discover_swiss_ends_with_its_first_offer_and_may_be_changed_again(world: World) -> None:
    discover = DiscoverClient(world)
    product, service, departs = discover.panorama(seats=1)
    order = await discover.order(item(product, JHON, valid_from=departs), item(DAY_CARD, HELMA))
    assert world.seats_of(order) == [f"{service} 1-1 held"]
    assert await pass_time(world, order) == "COMPLETED"
    shown = await discover.show(order)
    assert (shown["orderStatus"], "expiresAt" in shown, world.seats_of(order)) == ("Expired", False, [])
    assert [each["orderItemStatus"] for each in shown["orderedItem"]] == ["Checkout", "Checkout"]
    answer = await discover.put(f"{order}-2", item(THREE_DAYS, HELMA))
    assert (answer.status, codes(answer)) == (200, [])
    shown = await discover.show(order)
    assert (shown["orderStatus"], world.seats_of(order)) == ("Placed", [f"{service} 1-1 held"])
    assert datetime.fromisoformat(shown["expiresAt"]) > world.components.store.now() + timedelta(minutes=15)
    assert [each["orderItemNumber"] for each in shown["orderedItem"]] == [f"{order}-1", f"{order}-2"]


async def test_an_expired_order_of_discover_swiss_stays_expired_when_its_seats_are_gone(world: World) -> None:
    discover = DiscoverClient(world)
    product, _, departs = discover.panorama(seats=1)
    order = await discover.order(item(product, JHON, valid_from=departs), item(DAY_CARD, HELMA))
    await pass_time(world, order)
    other = await discover.order(item(product, HELMA, valid_from=departs))
    before, shown = world.snapshot(order), await discover.show(order)
    answer = await discover.put(f"{order}-2", item(THREE_DAYS, HELMA))
    assert (answer.status, codes(answer), await discover.show(order)) == (200, ["sold_out"], shown)
    assert (world.snapshot(order), shown["orderStatus"]) == (before, "Expired")
    assert (await discover.show(other))["orderStatus"] == "Placed"


async def test_an_expired_order_is_neither_priced_at_another_age_nor_stuck_with_a_train_that_left(world: World) -> None:
    discover = DiscoverClient(world)
    product, _, departs = discover.panorama()
    child = JHON | {"birthDate": "2015-01-01"}
    order = await discover.order(item(DAY_CARD, child), item(product, HELMA, valid_from=departs))
    await pass_time(world, order)
    before = world.snapshot(order)
    assert codes(await discover.add(order, item(THREE_DAYS, JHON))) == ["traveller_differs"]
    assert world.snapshot(order) == before
    with world.clock_at(world.components.store.now() + timedelta(days=40)):
        assert codes(await discover.put(f"{order}-1", item(THREE_DAYS, child))) == ["service_departed"]
        assert world.snapshot(order) == before
        assert codes(await discover.remove(f"{order}-2")) == []
    shown = await discover.show(order)
    assert (shown["orderStatus"], shown["totalAmount"]) == ("Placed", 19.0)
