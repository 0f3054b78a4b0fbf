"""Seats (P3, P7): each traveller keeps the seat he has, and a party sits together."""

from typing import Any

import pytest

from tests.rules.shop import Booking, Shop, add, done, refused, remove, replace
from tests.support.discover_client import JESSIKA, JHON, DiscoverClient, codes, item
from tests.support.entur_client import EnturClient
from tests.support.world import CARD, World

pytestmark = pytest.mark.rules

ROUTES = pytest.mark.parametrize("route", ["native", "entur"])
WAYS = pytest.mark.parametrize("way", ["draft", "one go"])


async def apart(shop: Shop, train: str, product: str | None = None) -> Booking:
    """Return a booking of ann in 2-07 and bob in 1-03."""
    return await shop.sell(product or shop.ticket(), "ann", "bob", on=train, seats=["2-07", "1-03"])


@ROUTES
@pytest.mark.parametrize("people", [("ann", "bob"), ("bob", "ann")])
async def test_each_keeps_his_seat_when_the_fare_changes_on_the_same_train(
    shop: Shop, route: str, people: tuple[str, ...]
) -> None:
    train = shop.train()
    booking = await apart(shop, train)
    before = await booking.seats()
    assert before == {"ann": (train, "2-07"), "bob": (train, "1-03")}
    done(await booking.exchange(route, people, shop.ticket("349.00"), train))
    assert await booking.seats() == before
    done(await booking.confirm(CARD))
    assert await booking.seats() == before


@WAYS
async def test_each_keeps_his_seat_in_a_group_and_out_of_it(shop: Shop, way: str) -> None:
    train = shop.train()
    booking = await apart(shop, train)
    before = await booking.seats()
    group = await shop.offer(shop.compartment(), "bob", "ann", on=train)
    done(await booking.do(way, replace(await booking.lines(), group)))
    assert await booking.seats() == before
    single = await shop.offer(shop.ticket("1200.00"), "bob", on=train)
    done(await booking.do(way, replace(await booking.lines(), single)))
    assert await booking.seats() == {"bob": (train, "1-03")}


async def test_a_smaller_group_keeps_the_seats_of_those_who_stay(shop: Shop) -> None:
    train = shop.train()
    group = shop.compartment()
    booking = await shop.sell(group, "ann", "bob", "cat", on=train, seats=["1-09", "2-02", "1-01"])
    smaller = await shop.offer(group, "cat", "ann", on=train)
    done(await booking.do("one go", replace(await booking.lines(), smaller), refund_price_difference=False))
    assert await booking.seats() == {"ann": (train, "1-09"), "cat": (train, "1-01")}


async def test_there_and_back_in_a_draft_each_keeps_his_seat(shop: Shop) -> None:
    train, other = shop.train(coaches=2, seats=8), shop.train()
    booking = await apart(shop, train)
    before = await booking.seats()
    away = await shop.offer(shop.ticket("349.00"), "bob", "ann", on=other)
    done(await booking.change(replace(await booking.lines(), away)))
    back = await shop.offer(shop.ticket("399.00"), "bob", "ann", on=train)
    done(await booking.change(replace(await booking.lines(), back)))
    assert await booking.seats() == before


async def test_an_item_of_discover_swiss_that_is_updated_keeps_its_seats(world: World, shop: Shop) -> None:
    market = DiscoverClient(world)
    product, _, departs = market.panorama()
    order = await market.order(item(product, JHON, JESSIKA, valid_from=departs))
    before = await Booking(shop, order).seats()
    bundle = await market.bundle(order, product, JESSIKA, JHON, valid_from=departs)
    assert codes(await market.put(f"{order}-1", {"offerBundleId": bundle})) == []
    assert await Booking(shop, order).seats() == before


async def test_another_seating_gets_new_seats_and_seats_named_are_taken(shop: Shop) -> None:
    train = shop.train(coaches=2, seats=8)
    booking = await apart(shop, train)
    first = shop.ticket("499.00", seating="first")
    done(await booking.change(replace(await booking.lines(), await shop.offer(first, "ann", "bob", on=train))))
    assert not set((await booking.seats()).values()) & {(train, "2-07"), (train, "1-03")}
    done(await booking.discard())
    named = await shop.offer(shop.ticket("349.00"), "ann", "bob", on=train)
    done(await booking.change(replace(await booking.lines(), named, seats=["1-01", "1-02"])))
    assert await booking.seats() == {"ann": (train, "1-01"), "bob": (train, "1-02")}


@ROUTES
async def test_newcomers_get_the_seats_of_those_who_leave_on_a_full_train(shop: Shop, route: str) -> None:
    train = shop.train(coaches=1, seats=2)
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=train)
    before = await booking.seats()
    product = shop.ticket("349.00")
    if route == "native":
        newcomers = await shop.offer(product, "cat", "dan", on=train, order=booking.number)
        done(await booking.change(replace(await booking.lines(), newcomers)))
    else:
        booking = await _replaced_by_entur(shop, booking, product, train)
    assert set((await booking.seats()).values()) == set(before.values())
    assert set(await booking.seats()) == {"cat", "dan"}
    done(await booking.confirm(CARD))


async def _replaced_by_entur(shop: Shop, booking: Booking, product: str, train: str) -> Booking:
    lines, offer = await booking.lines(), await shop.enturs_offer(product, "cat", "dan", on=train, order=booking.number)
    configuration = {"offerId": offer, "orderLineId": lines[0], "selectedOrderLineIds": lines}
    done(await EnturClient(shop.world).update(booking.number, configuration))
    return booking


async def test_who_left_a_train_earlier_in_the_draft_and_comes_back_is_a_newcomer(shop: Shop) -> None:
    train, other = shop.train(coaches=1, seats=2), shop.train()
    booking, product = await shop.basket(), shop.ticket()
    done(await booking.change(add(await shop.offer(product, "bob", "ann", on=train))))
    (_, seat_of_ann) = (await booking.seats())["ann"]
    done(await booking.change(replace([await booking.line("bob")], await shop.offer(product, "bob", on=other))))
    back = await shop.offer(shop.ticket("349.00"), "bob", on=train)
    done(await booking.change(replace([await booking.line("bob"), await booking.line("ann")], back)))
    assert await booking.seats() == {"bob": (train, seat_of_ann)}


async def test_a_newcomer_gets_the_seat_of_somebody_who_moves_to_another_train_in_the_same_operation(
    shop: Shop,
) -> None:
    train, other = shop.train(coaches=1, seats=2), shop.train()
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=train)
    product, before = shop.ticket("349.00"), await booking.seats()
    stay = await shop.offer(product, "ann", "cat", on=train, order=booking.number, sold_out=True)
    move = await shop.offer(product, "bob", on=other)
    done(await booking.change(replace(await booking.lines(), stay, move)))
    seats = await booking.seats()
    assert (seats["ann"], seats["cat"], seats["bob"][0]) == (before["ann"], before["bob"], other)


async def test_one_newcomer_more_than_leavers_does_not_fit_on_a_full_train(shop: Shop) -> None:
    train = shop.train(coaches=1, seats=2)
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=train)
    before = booking.snapshot()
    three = await shop.offer(shop.ticket("349.00"), "ann", "cat", "dan", on=train, sold_out=True)
    refused(await booking.change(replace(await booking.lines(), three)), "SOLD_OUT")
    assert booking.snapshot() == before


PLANS: list[tuple[str, list[str], int, list[str]]] = [
    ("the smallest block that holds all", ["1-03", "1-06", "1-07", "1-08"], 2, ["1-01", "1-02"]),
    ("a block of the right size before a larger one", ["1-04", "1-07", "1-08"], 2, ["1-05", "1-06"]),
    ("the lowest coach and number of equal blocks", ["1-03", "1-06"], 2, ["1-01", "1-02"]),
    ("the fewest blocks", ["1-04", "1-07", "2-02", "2-04", "2-06", "2-08"], 4, ["1-01", "1-02", "1-03", "1-05"]),
]


@pytest.mark.parametrize(("taken", "party", "seats"), [each[1:] for each in PLANS], ids=[each[0] for each in PLANS])
async def test_a_party_sits_in(shop: Shop, taken: list[str], party: int, seats: list[str]) -> None:
    train = shop.train(coaches=2, seats=8)
    for seat in taken:
        await shop.sell(shop.ticket(), "eve", on=train, seats=[seat])
    people = ("ann", "bob", "cat", "dan")[:party]
    booking = await shop.sell(shop.ticket(), *people, on=train)
    assert sorted(seat for _, seat in (await booking.seats()).values()) == seats


@pytest.mark.parametrize("taken", [[], ["1-06"]])
async def test_somebody_added_sits_beside_the_order_s_own(shop: Shop, taken: list[str]) -> None:
    train = shop.train(coaches=2, seats=8)
    for seat in taken:
        await shop.sell(shop.ticket(), "eve", on=train, seats=[seat])
    booking = await shop.sell(shop.ticket(), "ann", on=train, seats=["1-05"])
    done(await booking.change(add(await shop.offer(shop.ticket(), "bob", on=train))))
    assert (await booking.seats())["bob"][1] in ({"1-04", "1-06"} - set(taken))


async def test_a_seat_given_up_in_a_draft_is_not_sold_to_others_before_the_confirmation(shop: Shop) -> None:
    train = shop.train(coaches=1, seats=1)
    booking = await shop.sell(shop.ticket(), "ann", on=train)
    word: dict[str, Any] = {"refund_price_difference": True}
    done(await booking.change(remove(await booking.line()), **word))
    other = await shop.basket()
    found = await shop.search(shop.ticket(), "bob", on=train, sold_out=True)
    for bundle in found:
        refused(await other.change(add(bundle["id"])), "SOLD_OUT")
    done(await booking.confirm())
    done(await other.do("one go", add(await shop.offer(shop.ticket(), "bob", on=train))))
