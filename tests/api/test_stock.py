"""Stock that is no seat: units of products and supplements are held, sold and given back like seats."""

import asyncio
from datetime import timedelta

import pytest

from activities.attention import unsettled_items
from domain.products import CapacityPer
from store.orders.orders import load, lock_order
from tests.support.canary import ADULT, CHILD
from tests.support.stock import add_pass, add_stock, held
from tests.support.world import CARD, Answer, Json, World, add, people, replace

ONE_GO: Json = {"confirm": True, "payment": CARD}
REFUNDED: Json = {"refund_price_difference": True}


async def units(world: World, order: str) -> list[tuple[str, str, str]]:
    """Return the units of an order: item, service or day, and state."""
    shown = (await world.show(order))["units"]
    return [(each["product"], each["service"] or each["day"], each["state"]) for each in shown]


async def test_a_unit_is_held_with_the_draft_and_sold_with_its_confirmation(world: World) -> None:
    stock = add_stock(world, bicycles=2)
    train = stock.train()
    order = await stock.sell(ADULT, train)
    assert await units(world, order) == [(stock.bicycle, train, "held")]
    assert stock.held(train) == ["held"]
    (unit,) = [each["id"] for each in (await world.show(order))["units"]]
    assert await units_of_lines(world, order) == {stock.product: [], stock.bicycle: [unit]}
    assert (await world.confirm(order, CARD)).status == 200
    assert await units(world, order) == [(stock.bicycle, train, "confirmed")]
    assert stock.held(train) == ["confirmed"]


async def test_a_held_unit_is_among_what_is_unsettled(world: World) -> None:
    stock = add_stock(world, bicycles=2)
    train = stock.train()
    order = await stock.sell(ADULT, train)
    with world.components.store.write() as tx:
        items = list(unsettled_items(tx, load(tx, lock_order(tx, order)), change=""))
    assert items == [f"seat 1-01 on {train} held", f"1 {stock.bicycle} on {train} held"]


async def test_a_discarded_draft_gives_its_units_back(world: World) -> None:
    stock = add_stock(world, bicycles=2)
    order, train = await world.order(), stock.train()
    assert (await stock.book(order, ADULT, train, bicycles=2)).status == 200
    assert (await world.discard(order)).status == 200
    assert (await units(world, order), stock.held(train)) == ([], [])


async def test_a_unit_is_given_back_when_its_removal_is_confirmed(world: World) -> None:
    stock = add_stock(world, bicycles=1)
    train = stock.train()
    order = await stock.sell(ADULT, train, **ONE_GO)
    (bicycle,) = [line["id"] for line in (await world.show(order))["lines"] if line["supplement_of"]]
    removal = {"op": "remove_lines", "lines": [bicycle]}
    assert (await world.change(order, removal, **REFUNDED)).status == 200
    assert stock.held(train) == ["confirmed"]
    assert (await world.confirm(order)).status == 200
    assert stock.held(train) == []


async def test_the_last_bicycle_goes_to_one_of_two_clients(world: World) -> None:
    stock = add_stock(world, bicycles=1)
    train, orders = stock.train(), [await world.order() for _ in range(2)]
    answers = await asyncio.gather(*(stock.book(order, ADULT, train) for order in orders))
    assert sorted(each.status for each in answers) == [200, 409]
    (refused,) = [each for each in answers if each.status == 409]
    assert refused.code == "SOLD_OUT"
    assert stock.held(train) == ["held"]


async def test_of_many_clients_as_many_get_a_bicycle_as_there_are(world: World) -> None:
    stock = add_stock(world, bicycles=3)
    train, orders = stock.train(), [await world.order() for _ in range(8)]
    answers = await asyncio.gather(*(stock.book(order, ADULT, train, **ONE_GO) for order in orders))
    assert sorted(each.status for each in answers) == [200] * 3 + [409] * 5
    assert {each.code for each in answers if each.status != 200} == {"SOLD_OUT"}
    assert stock.held(train) == ["confirmed"] * 3


async def test_fifty_travellers_with_a_bicycle_each_do_not_fit_where_there_are_ten(world: World) -> None:
    stock = add_stock(world, bicycles=10)
    train, order = stock.train(coaches=4), await world.order()
    group = [{"id": f"t{number}", "birth_date": "1990-05-04"} for number in range(50)]
    found = await world.post("/v1/offers", {"product": stock.product, "service": train, "travellers": group})
    (bundle,) = [each["id"] for each in found.body["offer_bundles"]]
    supplements = [{"supplement": stock.bicycle}]
    operation = {"op": "add_lines", "offer_bundle_id": bundle, "travellers": group, "supplements": supplements}
    answer = await world.change(order, operation)
    assert (answer.status, answer.code) == (409, "SOLD_OUT")
    assert (stock.held(train), world.seats_of(order)) == ([], [])
    assert (await world.change(order, {**operation, "supplements": []})).status == 200


async def test_a_lowered_capacity_leaves_what_is_sold_and_stops_what_is_new(world: World) -> None:
    stock = add_stock(world, bicycles=3)
    train = stock.train()
    first, second = await stock.sell(ADULT, train, **ONE_GO), await stock.sell(ADULT, train, **ONE_GO)
    drafted = await stock.sell(ADULT, train)
    stock.set_capacity(1)
    assert (await world.confirm(drafted, CARD)).status == 200
    assert stock.held(train) == ["confirmed"] * 3
    refused = await stock.book(await world.order(), ADULT, train)
    assert refused.code == "SOLD_OUT"
    for order in (second, drafted):
        await cancel(world, order)
        assert (await stock.book(await world.order(), ADULT, train)).code == "SOLD_OUT"
    await cancel(world, first)
    await stock.sell(ADULT, train, **ONE_GO)
    stock.set_capacity(2)
    await stock.sell(ADULT, train, **ONE_GO)


async def cancel(world: World, order: str) -> None:
    """Cancel an order with a refund."""
    removal = {"op": "remove_lines", "lines": await world.lines(order)}
    answer = await world.change(order, removal, confirm=True, **REFUNDED)
    assert answer.status == 200, answer.body


async def test_a_product_with_a_capacity_is_sold_that_often_per_departure(world: World) -> None:
    stock = add_stock(world, bicycles=None, places=2)
    train = stock.train()
    await stock.sell(ADULT, train, bicycles=0, **ONE_GO)
    order = await world.order()
    both = await offer_all(world, stock.product, train, ADULT, CHILD)
    assert (await world.change(order, add(both, ADULT, CHILD))).code == "SOLD_OUT"
    await stock.sell(ADULT, stock.train(), bicycles=0, **ONE_GO)
    assert held(world, stock.product, train) == ["confirmed"]
    assert (await stock.book(order, CHILD, train, bicycles=0)).status == 200


async def offer_all(world: World, product: str, train: str, *travellers: str) -> str:
    """Return a bundle of a product on a train, sold out or not."""
    return await world.offer(product, *travellers, service=train, sold_out=True)


async def test_a_pass_takes_a_unit_on_its_first_day_or_on_each_day(world: World) -> None:
    start = (world.components.store.now() + timedelta(days=40)).replace(hour=9, minute=0, second=0, microsecond=0)
    days = [(start + timedelta(days=number)).date().isoformat() for number in range(5)]
    # Three days from nine o'clock end on the fourth day.
    for per, taken in ((CapacityPer.FIRST_DAY, days[:1]), (CapacityPer.EACH_DAY, days[:4])):
        name, order = add_pass(world, capacity=1, per=per), await world.order()
        bundle = await world.offer(name, ADULT, valid_from=start.isoformat())
        assert (await world.change(order, add(bundle, ADULT), **ONE_GO)).status == 200
        assert sorted(await units(world, order)) == [(name, day, "confirmed") for day in taken]
        for number, day in enumerate(days):
            later = (start + timedelta(days=number)).isoformat()
            other = await world.offer(name, ADULT, valid_from=later, sold_out=True)
            answer = await world.change(await world.order(), add(other, ADULT))
            assert answer.status == (409 if day in taken else 200), (per, day, answer.body)


async def test_a_unit_passes_to_the_new_line_on_the_same_train(world: World) -> None:
    stock = add_stock(world, bicycles=1, places=1)
    train = stock.train(coaches=1, seats=1)
    order = await stock.sell(ADULT, train, **ONE_GO)
    before, sold = await units(world, order), await units_of_lines(world, order)
    bundle = await world.offer(stock.product, CHILD, service=train, order=order)
    answer = await world.change(order, replace([f"{order}-1"], bundle, travellers=people(CHILD)), **REFUNDED)
    assert answer.status == 200, answer.body
    assert (await units_of_lines(world, order))[stock.product] == sold[stock.product]
    assert (await world.confirm(order)).status == 200
    assert await units(world, order) == [(stock.product, train, "confirmed")]
    assert len(before) == len(stock.held(train)) + 2 == 2


async def units_of_lines(world: World, order: str) -> Json:
    """Return the ids of the units of each line of an order, by product."""
    return {line["product"]: line["units"] for line in (await world.show(order))["lines"]}


async def test_a_bicycle_goes_along_to_another_train_or_is_refused_there(world: World) -> None:
    stock = add_stock(world, bicycles=1)
    full, empty = stock.train(), stock.train()
    await stock.sell(ADULT, full, **ONE_GO)
    old = stock.train()
    order = await stock.sell(ADULT, old, **ONE_GO)
    refused = await move(world, order, stock.product, full)
    assert (refused.status, refused.code) == (409, "SOLD_OUT")
    assert (await move(world, order, stock.product, full, leave_supplements=True)).status == 200
    assert (await world.discard(order)).status == 200
    moved = await move(world, order, stock.product, empty, confirm=True)
    assert moved.status == 200, moved.body
    assert await units(world, order) == [(stock.bicycle, empty, "confirmed")]
    assert (stock.held(old), stock.held(empty)) == ([], ["confirmed"])


async def move(world: World, order: str, product: str, train: str, *, confirm: bool = False, **wish: bool) -> Answer:
    """Exchange an order's ticket for one on another train."""
    bundle = await world.offer(product, ADULT, service=train)
    tickets = [line["id"] for line in (await world.show(order))["lines"] if line["supplement_of"] is None]
    more = REFUNDED | (ONE_GO if confirm else {})
    return await world.change(order, replace(tickets, bundle, **wish), **more)


@pytest.mark.parametrize("ending", ["confirm", "discard"])
async def test_units_that_a_change_of_the_draft_replaced_are_given_back(world: World, ending: str) -> None:
    stock = add_stock(world, bicycles=2)
    first, second = stock.train(), stock.train()
    order = await stock.sell(ADULT, first)
    assert (await move(world, order, stock.product, second)).status == 200
    assert (stock.held(first), stock.held(second)) == ([], ["held"])
    await (world.confirm(order, CARD) if ending == "confirm" else world.discard(order))
    assert stock.held(second) == (["confirmed"] if ending == "confirm" else [])
