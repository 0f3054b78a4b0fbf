"""Seats: the old seat is released only once the new one is held; no seat is sold twice."""

import pytest

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.support.canary import ADULT, CHILD, THIRD
from tests.support.world import CARD, World, add, replace


async def seats(world: World, order: str) -> list[tuple[str, str, str]]:
    """Return the seats an order has: service, seat and state."""
    shown = await world.show(order)
    return sorted((seat["service"], seat["seat"], seat["state"]) for seat in shown["reservations"])


async def test_a_change_of_fare_works_on_a_full_train_with_the_same_seats(world: World) -> None:
    train = world.train(coaches=1, seats=2)
    order = await world.sold(ADULT, CHILD, train=train)
    before = await seats(world, order)
    bundle = await world.offer("flexible", ADULT, CHILD, service=train)
    answer = await world.change(order, replace([f"{order}-1", f"{order}-2"], bundle), confirm=True, payment=CARD)
    assert answer.status == 200, answer.body
    assert await seats(world, order) == before
    assert answer.body["reservations"] == [f"{order}-s1", f"{order}-s2"]


async def test_a_full_train_is_refused_and_the_order_untouched(world: World) -> None:
    train = world.train(coaches=1, seats=1)
    await world.sold(CHILD, train=train)
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    bundle = await world.offer("standard", ADULT, service=train)
    answer = await world.change(order, replace([f"{order}-1"], bundle))
    assert (answer.status, answer.code) == (409, "SOLD_OUT")
    assert world.snapshot(order) == before
    assert await world.wait_for_end(order) == "COMPLETED"


async def test_the_confirmed_seat_is_kept_until_the_draft_is_confirmed(world: World) -> None:
    old, new = world.train(), world.train()
    order = await world.sold(ADULT, train=old)
    await world.change(order, replace([f"{order}-1"], await world.offer("flexible", ADULT, service=new)))
    assert await seats(world, order) == sorted([(old, "1-01", "confirmed"), (new, "1-01", "held")])
    await world.confirm(order, CARD)
    assert await seats(world, order) == [(new, "1-01", "confirmed")]
    assert world.seats_of(order) == [f"{new} 1-1 confirmed"]


async def test_a_replaced_draft_line_releases_its_held_seat_at_once(world: World) -> None:
    old, first, second = world.train(), world.train(), world.train()
    order = await world.sold(ADULT, train=old)
    for train in (first, second):
        bundle = await world.offer("flexible", ADULT, service=train)
        await world.change(order, replace([f"{order}-1"], bundle))
    assert await seats(world, order) == sorted([(old, "1-01", "confirmed"), (second, "1-01", "held")])
    assert first not in "".join(world.seats_of(order))


async def test_a_second_change_that_fails_leaves_the_draft_as_after_the_first(world: World) -> None:
    order = await world.sold(ADULT)
    await world.upgrade(order)
    before, held = world.snapshot(order), world.seats_of(order)
    full = world.train(coaches=1, seats=1)
    await world.sold(CHILD, train=full)
    answer = await world.change(order, replace([f"{order}-1"], await world.offer("standard", ADULT, service=full)))
    assert answer.code == "SOLD_OUT"
    assert (world.snapshot(order), world.seats_of(order)) == (before, held)
    world.faults.arm(order, StepName.SWAP_OFFER_BUNDLE, Fault.LOST_FOR_GOOD)
    answer = await world.change(
        order, replace([f"{order}-1"], await world.offer("standard", ADULT, service=world.train()))
    )
    assert (answer.status, answer.code) == (500, "STEP_FAILED")
    assert (world.snapshot(order), world.seats_of(order)) == (before, held)
    world.faults.clear()
    assert (await world.confirm(order, CARD)).status == 200


async def test_going_back_to_the_original_departure_on_a_full_train_costs_nothing(world: World) -> None:
    old = world.train(coaches=1, seats=1)
    order = await world.sold(ADULT, train=old)
    await world.change(order, replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train())))
    back = await world.offer("standard", ADULT, service=old)
    answer = await world.change(order, replace([f"{order}-1"], back))
    assert answer.status == 200, answer.body
    assert (answer.body["quote"]["fee"], answer.body["order"]["balance"]) == ("0.00", "0.00")
    assert await seats(world, order) == [(old, "1-01", "confirmed")]
    assert (await world.confirm(order)).status == 200
    assert world.seats_of(order) == [f"{old} 1-1 confirmed"]


async def sell_seats(world: World, train: str, *names: str) -> None:
    """Sell these seats of a departure, each on an order of its own."""
    for name in names:
        order = await world.order()
        bundle = await world.offer("standard", ADULT, service=train)
        answer = await world.change(order, add(bundle, ADULT, seats=[name]), confirm=True, payment=CARD)
        assert answer.status == 200, answer.body


async def test_a_party_sits_in_the_smallest_block_of_seats_that_holds_it(world: World) -> None:
    train = world.train(coaches=2, seats=8)
    await sell_seats(world, train, "1-05", "2-04")
    order = await world.sold(ADULT, CHILD, THIRD, train=train)
    assert [seat for _, seat, _ in await seats(world, order)] == ["1-06", "1-07", "1-08"]


async def test_a_newcomer_sits_beside_the_seats_that_the_order_has(world: World) -> None:
    train = world.train(coaches=1, seats=8)
    await sell_seats(world, train, "1-02")
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=train)
    await world.change(order, add(bundle, ADULT, seats=["1-05"]), confirm=True, payment=CARD)
    another = await world.offer("standard", CHILD, service=train)
    assert (await world.change(order, add(another, CHILD))).status == 200
    assert sorted(seat for _, seat, _ in await seats(world, order)) == ["1-04", "1-05"]


async def test_a_seat_is_reserved_by_its_name_or_refused(world: World) -> None:
    train = world.train(coaches=2, seats=4)
    order = await world.order()
    bundle = await world.offer("standard", ADULT, CHILD, service=train)
    answer = await world.change(order, add(bundle, ADULT, CHILD, seats=["2-04", "1-01"]), confirm=True, payment=CARD)
    assert answer.status == 200, answer.body
    assert [seat for _, seat, _ in await seats(world, order)] == ["1-01", "2-04"]
    other = await world.order()
    for name, code in (("2-04", "SEAT_TAKEN"), ("2-05", "SEAT_UNKNOWN"), ("9-01", "SEAT_UNKNOWN")):
        one = await world.offer("standard", ADULT, service=train)
        assert (await world.change(other, add(one, ADULT, seats=[name]))).code == code


@pytest.mark.parametrize("product", ["standard", "compartment"])
async def test_more_travellers_than_seats_are_refused_whole(world: World, product: str) -> None:
    train = world.train(coaches=1, seats=2)
    order = await world.order()
    bundle = await world.offer(product, ADULT, CHILD, THIRD, service=train)
    assert (await world.change(order, add(bundle, ADULT, CHILD, THIRD))).code == "SOLD_OUT"
    assert world.seats_of(order) == []


async def test_several_operations_are_all_or_nothing(world: World) -> None:
    full, free = world.train(coaches=1, seats=1), world.train()
    await world.sold(THIRD, train=full)
    order = await world.sold(ADULT, CHILD)
    before = world.snapshot(order)
    good = await world.offer("standard", ADULT, service=free)
    bad = await world.offer("standard", CHILD, service=full)
    answer = await world.change(order, replace([f"{order}-1"], good), replace([f"{order}-2"], bad))
    assert answer.code == "SOLD_OUT"
    assert world.snapshot(order) == before
    assert free not in "".join(world.seats_of(order))
