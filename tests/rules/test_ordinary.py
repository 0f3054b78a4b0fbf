"""Ordinary wishes that no rule may refuse."""

from datetime import timedelta

import pytest

from tests.rules.shop import LATER, Booking, Shop, add, done, extras, name, remove, replace
from tests.support.discover_client import DAY_CARD, HELMA, HUAN, JHON, THREE_DAYS, DiscoverClient, codes, item
from tests.support.entur_client import EnturClient
from tests.support.world import CARD, World

pytestmark = pytest.mark.rules

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])


@pytest.mark.parametrize("route", ["native", "entur", "discover"])
async def test_a_basket_is_filled_in_three_requests(world: World, shop: Shop, route: str) -> None:
    if route == "discover":
        market = DiscoverClient(world)
        order = await market.order()
        for person in (JHON, HELMA, HUAN):
            assert codes(await market.add(order, item(DAY_CARD, person))) == []
        assert len((await market.show(order))["orderedItem"]) == 3
        return
    train, product, booking = shop.train(), shop.ticket(), await shop.basket()
    for who in ("ann", "bob", "cat"):
        if route == "native":
            done(await booking.change(add(await shop.offer(product, who, on=train))))
        else:
            offer = await shop.enturs_offer(product, who, on=train)
            done(await EnturClient(world).reserve({"offerId": offer}, order=booking.number))
    done(await booking.confirm(CARD))
    assert (await booking.show())["paid"] == "897.00"


async def test_a_family_on_two_items_is_changed_one_by_one(world: World) -> None:
    market = DiscoverClient(world)
    order = await market.order(item(DAY_CARD, HELMA), item(DAY_CARD, HUAN))
    for number, who in ((1, HELMA), (2, HUAN)):
        assert codes(await market.put(f"{order}-{number}", item(THREE_DAYS, who))) == []
    assert [each["orderItemNumber"] for each in (await market.show(order))["orderedItem"]] == [
        f"{order}-1",
        f"{order}-2",
    ]


@WAYS
async def test_a_family_on_one_train_is_moved_one_by_one(shop: Shop, way: str) -> None:
    old, new = shop.train(), shop.train()
    product = shop.ticket(child="149.50")
    booking = await shop.sell(product, "ann", "bob", "kid", on=old)
    for who in ("ann", "bob", "kid"):
        done(await booking.do(way, replace([await booking.line(who)], await shop.offer(product, who, on=new))))
    assert {on for _, _, on in await booking.travels()} == {new}


@WAYS
async def test_the_return_leg_is_changed_after_the_outward_one_left(shop: Shop, way: str) -> None:
    out, back, later = shop.train(), shop.train(LATER + timedelta(days=3)), shop.train(LATER + timedelta(days=4))
    booking = await shop.basket()
    for train in (out, back):
        done(await booking.change(add(await shop.offer(shop.ticket(), "ann", on=train), "MEAL")))
    done(await booking.confirm(CARD))
    shop.depart(out)
    (line,) = [
        each["id"] for each in (await booking.show())["lines"] if each["service"] == back and not each["supplement_of"]
    ]
    done(await booking.do(way, replace([line], await shop.offer(shop.ticket("349.00"), "ann", on=later))))
    assert sorted(on for _, _, on in await booking.carries()) == sorted([out, later])


@WAYS
async def test_a_traveller_goes_out_and_back_the_same_day(shop: Shop, way: str) -> None:
    out, back = shop.train(), shop.train(LATER + timedelta(hours=3))
    booking, product = await shop.basket(), shop.ticket()
    bundles = [await shop.offer(product, "ann", on=train) for train in (out, back)]
    done(await booking.do(way, *map(add, bundles)))
    assert len(await booking.lines("ann")) == 2


@WAYS
async def test_trains_are_swapped_between_two_travellers(shop: Shop, way: str) -> None:
    first, second = shop.train(), shop.train()
    product = shop.ticket()
    booking = await shop.basket()
    for who, train in (("ann", first), ("bob", second)):
        done(await booking.change(add(await shop.offer(product, who, on=train))))
    done(await booking.confirm(CARD))
    swapped = [
        replace([await booking.line(who)], await shop.offer(product, who, on=train))
        for who, train in (("ann", second), ("bob", first))
    ]
    done(await booking.do(way, *swapped))
    assert await booking.travels() == [("ann", product, second), ("bob", product, first)]


@pytest.mark.parametrize("count", [2, 3])
async def test_several_tickets_for_nobody_in_particular_are_sold(shop: Shop, count: int) -> None:
    train, product = shop.train(), shop.ticket()
    booking = await shop.basket()
    done(await booking.do("draft", add(await shop.offer(product, "ann", on=train), count=count)))
    offer = await shop.enturs_offer(product, "ann", on=train)
    number = done(await EnturClient(shop.world).reserve({"offerId": offer, "count": count}))["orderId"]
    done(await Booking(shop, str(number)).confirm(CARD))
    assert len((await booking.show())["lines"]) == count


async def test_two_meals_a_bicycle_and_a_seat_of_one_s_own(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train(), extras=("MEAL", "MEAL", "BICYCLE"), seats=["2-03"])
    assert len(await booking.extras()) == 3
    done(await booking.do("one go", extras(await booking.line(), "MEAL")))


@pytest.mark.parametrize("confirmed", [False, True])
async def test_names_are_completed_one_after_the_other(shop: Shop, *, confirmed: bool) -> None:
    booking = await shop.basket()
    done(await booking.change(add(await shop.offer(shop.ticket(), "ann", "bob", on=shop.train()))))
    if confirmed:
        done(await booking.confirm(CARD))
    done(await booking.change(name("ann", given_name="Ann")))
    done(await booking.change(name("bob", given_name="Bob")))
    done(await booking.change(name("ann", family_name="Example")))
    done(await booking.change(name("ann", given_name="Ann")))
    done(await booking.confirm(CARD))


async def test_a_change_of_mind_in_a_draft_is_free(shop: Shop) -> None:
    booking, train = await shop.basket(), shop.train()
    done(
        await booking.change(add(await shop.offer(shop.ticket("299.00", fee="50.00"), "ann", "bob", on=train), "MEAL"))
    )
    done(await booking.exchange("native", ("ann",), shop.ticket("99.00"), shop.train()))
    done(await booking.change(remove(await booking.line("bob"))))
    done(await booking.change(remove(*await booking.extras())))
    assert (await booking.balance(), (await booking.show())["fees"]) == ("99.00", [])
    done(await booking.confirm(CARD))


async def test_everything_is_cancelled_at_once(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket("299.00", fee="50.00"), "ann", "bob", on=shop.train(), extras=("MEAL",))
    done(await booking.do("draft", remove(*await booking.lines()), refund_price_difference=True))
    shown = await booking.show()
    assert (shown["status"], shown["paid"], booking.ledger("refund")) == ("cancelled", "100.00", [("refund", 676_00)])


async def test_an_upgrade_in_the_last_minute_before_departure(shop: Shop) -> None:
    train = shop.train(timedelta(minutes=1))
    booking = await shop.sell(shop.ticket(), "ann", on=train)
    done(
        await booking.do(
            "one go", replace(await booking.lines(), await shop.offer(shop.ticket("349.00"), "ann", on=train))
        )
    )


async def test_a_confirm_is_sent_twice_and_a_discard_without_a_draft(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train())
    done(await booking.confirm())
    done(await booking.confirm(CARD))
    done(await booking.discard())
    done(await booking.confirm())


async def test_a_card_from_today_and_one_from_next_week_for_the_same_person(shop: Shop) -> None:
    card, booking = shop.card(validity="PT24H"), await shop.basket()
    for days in (0, 7):
        when = (shop.now + timedelta(days=days)).isoformat()
        done(await booking.change(add(await shop.offer(card, "ann", valid_from=when))))
    done(await booking.confirm(CARD))


async def test_two_cards_at_once_and_a_train_for_the_same_person(shop: Shop) -> None:
    booking = await shop.sell(shop.card(validity="PT24H"), "ann")
    done(await booking.do("one go", add(await shop.offer(shop.card(), "ann"))))
    done(await booking.do("one go", add(await shop.offer(shop.ticket(), "ann", on=shop.train()))))
