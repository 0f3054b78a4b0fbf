"""Supplements and stock (G1, G4): what goes along with whom, and how much of it there is."""

from datetime import timedelta
from typing import Any

import pytest

from domain.products import CapacityPer
from tests.rules.shop import Booking, Shop, add, done, extras, kroner, refused, remove, replace
from tests.support.entur_client import EnturClient
from tests.support.world import CARD, Answer

pytestmark = pytest.mark.rules

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])
ROUTES = pytest.mark.parametrize("route", ["native", "entur"])
MEAL = 89_00


async def with_meal(shop: Shop, *people: str, eater: str = "ann", **more: Any) -> Booking:
    """Return a confirmed booking of some people, one of whom has a meal."""
    booking = await shop.sell(shop.ticket(), *people, on=shop.train(), **more)
    done(await booking.change(extras(await booking.line(eater), "MEAL"), confirm=True, payment=CARD))
    return booking


# Whose a supplement is


@pytest.mark.parametrize("kind", ["removal", "exchange"])
@WAYS
async def test_a_meal_stays_with_its_traveller_when_another_one_leaves(shop: Shop, way: str, kind: str) -> None:
    booking = await with_meal(shop, "ann", "bob")
    train, product = shop.train(), shop.ticket("349.00")
    both = replace(await booking.lines(), await shop.offer(product, "ann", "bob", on=train))
    done(await booking.change(both, confirm=True, payment=CARD))
    assert await booking.carries() == [("ann", "MEAL", train)]
    line = await booking.line("bob")
    elsewhere = await shop.offer(shop.ticket("200.00"), "bob", on=shop.train())
    operation = remove(line) if kind == "removal" else replace([line], elsewhere)
    done(await booking.do(way, operation, refund_price_difference=True))
    assert await booking.carries() == [("ann", "MEAL", train)]


@ROUTES
async def test_a_meal_moves_to_its_traveller_s_new_train_at_the_price_it_was_sold_for(shop: Shop, route: str) -> None:
    booking = await with_meal(shop, "ann", "bob")
    train = shop.train()
    done(await booking.exchange(route, ("ann", "bob"), shop.ticket("299.00"), train, refund=False))
    shown = await booking.show()
    assert await booking.carries() == [("ann", "MEAL", train)]
    assert (shown["total"], shown["balance"], shown["fees"]) == ("687.00", "0.00", [])
    (meal,) = [line for line in shown["lines"] if line["supplement_of"]]
    assert (meal["price"], meal["tax_rate"], meal["service"]) == ("89.00", "0.15", train)


async def test_a_traveller_who_leaves_takes_his_own_along_and_nobody_else_s(shop: Shop) -> None:
    booking = await with_meal(shop, "ann", "bob")
    done(await booking.change(extras(await booking.line("bob"), "MEAL"), confirm=True, payment=CARD))
    answer = done(await booking.do("one go", remove(await booking.line("ann")), refund_price_difference=True))
    assert answer["quote"]["to_refund"] == "388.00"
    assert [who for who, _, _ in await booking.carries()] == ["bob"]


@pytest.mark.parametrize("named", [1, 2])
@ROUTES
async def test_a_meal_named_again_in_an_exchange_is_the_one_that_moves(shop: Shop, route: str, named: int) -> None:
    booking = await with_meal(shop, "ann")
    train, product = shop.train(), shop.ticket()
    if route == "native":
        operation = replace(
            await booking.lines(), await shop.offer(product, "ann", on=train), supplements=("MEAL",) * named
        )
        done(await booking.change(operation))
    else:
        configuration = {
            "offerId": await shop.enturs_offer(product, "ann", on=train),
            "orderLineId": await booking.line(),
            "selectableProductIds": ["MEAL"] * named,
        }
        done(await EnturClient(shop.world).update(booking.number, configuration))
    assert await booking.carries() == [("ann", "MEAL", train)] * named
    assert await booking.balance() == ("0.00" if named == 1 else "89.00")


async def test_a_meal_that_was_sold_dearer_or_cheaper_moves_at_its_own_price(shop: Shop) -> None:
    code = shop.supplement("60.00")
    product, train = shop.ticket(supplements=(code,)), shop.train()
    booking = await shop.sell(product, "ann", on=shop.train(), extras=(code,))
    shop.alter_supplement(code, price=kroner("80.00"))
    named = replace(await booking.lines(), await shop.offer(product, "ann", on=train), supplements=(code, code))
    done(await booking.change(named))
    prices = sorted(line["price"] for line in (await booking.show())["lines"] if line["supplement_of"])
    assert (prices, await booking.balance()) == (["60.00", "80.00"], "80.00")


@WAYS
@ROUTES
async def test_what_the_new_product_does_not_sell_is_given_up_and_shown(shop: Shop, way: str, route: str) -> None:
    booking = await with_meal(shop, "ann")
    (meal,), train, bus = await booking.extras(), shop.train(), shop.ticket("299.00", supplements=())
    if route == "entur":
        done(await booking.exchange("entur", ("ann",), bus, train, refund=True))
    else:
        operation = replace(await booking.lines(), await shop.offer(bus, "ann", on=train))
        quote = done(await booking.quote(operation, refund_price_difference=True))
        assert [line["product"] for line in quote["lines"] if not line["taken"]].count("MEAL") == 1
        body = done(await booking.change(operation, refund_price_difference=True, confirm=way == "one go"))
        assert meal in [line for each in body["replaced"] for line in each["lines"]]
    if way == "draft" or route == "entur":
        assert await booking.balance() == "-89.00"
        done(await booking.confirm())
    assert (await booking.carries(), booking.ledger("refund")) == ([], [("refund", MEAL)])


async def test_with_two_new_lines_a_meal_goes_to_the_first_that_sells_it(shop: Shop) -> None:
    booking = await with_meal(shop, "ann")
    late, early, first = (shop.train(timedelta(days=day)) for day in (33, 32, 31))
    bundles = [
        await shop.offer(shop.ticket("150.00"), "ann", on=late),
        await shop.offer(shop.ticket("150.00"), "ann", on=early),
        await shop.offer(shop.ticket("150.00", supplements=()), "ann", on=first),
    ]
    done(await booking.change(replace(await booking.lines(), *bundles)))
    assert await booking.carries() == [("ann", "MEAL", early)]


async def test_on_a_group_line_a_meal_is_for_the_one_named_or_for_all(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.compartment(), "ann", "bob", "cat", on=train)
    line = await booking.line()
    done(await booking.change(extras(line, "MEAL", {"supplement": "MEAL", "traveller": "cat"})))
    assert await booking.carries() == sorted([("ann+bob+cat", "MEAL", train), ("cat", "MEAL", train)])
    done(await booking.confirm(CARD))
    later, product = shop.train(), shop.ticket("400.00")
    done(await booking.change(replace([line], await shop.offer(product, "bob", "ann", "cat", on=later))))
    assert await booking.carries() == [("bob", "MEAL", later), ("cat", "MEAL", later)]


@pytest.mark.parametrize("leaver", ["ann", "cat"])
async def test_when_a_group_gets_smaller_the_leaver_s_own_meal_goes_and_the_others_stay(
    shop: Shop, leaver: str
) -> None:
    train, group = shop.train(), shop.compartment()
    booking = await shop.sell(group, "ann", "bob", "cat", on=train)
    named = [{"supplement": "MEAL", "traveller": who} for who in ("ann", "bob")]
    done(await booking.change(extras(await booking.line(), *named), confirm=True, payment=CARD))
    staying = [who for who in ("ann", "bob", "cat") if who != leaver]
    smaller = replace(await booking.lines(), await shop.offer(group, *staying, on=train))
    done(await booking.change(smaller, refund_price_difference=True))
    assert await booking.carries() == [(who, "MEAL", train) for who in ("ann", "bob") if who != leaver]
    assert await booking.balance() == ("-89.00" if leaver == "ann" else "0.00")


async def test_a_traveller_s_meals_and_bicycle_follow_him_into_a_group(shop: Shop) -> None:
    booking = await with_meal(shop, "ann", "bob")
    done(await booking.change(extras(await booking.line("ann"), "MEAL", "BICYCLE"), confirm=True, payment=CARD))
    train = shop.train()
    done(
        await booking.change(
            replace(await booking.lines(), await shop.offer(shop.compartment(), "ann", "bob", on=train))
        )
    )
    assert await booking.carries() == [("ann", "BICYCLE", train), ("ann", "MEAL", train), ("ann", "MEAL", train)]


async def test_two_meals_are_never_too_many(shop: Shop) -> None:
    booking = await with_meal(shop, "ann")
    done(await booking.do("draft", extras(await booking.line(), "MEAL")))
    assert len(await booking.extras()) == 2


@pytest.mark.parametrize("kind", ["removal", "exchange"])
@pytest.mark.parametrize("first", ["meal", "line"])
async def test_a_request_does_not_add_to_a_line_that_it_gives_up(shop: Shop, kind: str, first: str) -> None:
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=shop.train())
    before, line = booking.snapshot(), await booking.line("ann")
    bundle = await shop.offer(shop.ticket("349.00"), "ann", on=shop.train())
    operations = [extras(line, "MEAL"), remove(line) if kind == "removal" else replace([line], bundle)]
    answer = await booking.change(*operations[:: 1 if first == "meal" else -1], refund_price_difference=True)
    refused(answer, "LINES_OVERLAP")
    assert booking.snapshot() == before


# How much of it there is


async def one_of_ten(shop: Shop) -> tuple[str, str]:
    """Return a bicycle of which there are ten on each train, one for each traveller, and a ticket that sells it."""
    code = shop.supplement(capacity=10, max_per_traveller=1)
    return code, shop.ticket(supplements=(code,))


@pytest.mark.parametrize("count", [2, 50])
@pytest.mark.parametrize("kind", ["sale", "supplement", "entur", "exchange"])
async def test_more_than_one_may_have_are_refused(shop: Shop, kind: str, count: int) -> None:
    code, product = await one_of_ten(shop)
    train, many = shop.train(), {"supplement": code, "count": count}
    booking = await shop.sell(product, "ann", on=train)
    answer: Answer
    match kind:
        case "sale":
            answer = await booking.change(add(await shop.offer(product, "bob", on=train), many))
        case "supplement":
            answer = await booking.change(extras(await booking.line(), many))
        case "exchange":
            bundle = await shop.offer(product, "ann", on=shop.train())
            answer = await booking.change(replace(await booking.lines(), bundle, supplements=(many,)))
        case _:
            offer = await shop.enturs_offer(product, "ann", on=train)
            chosen = {"selectedProductId": code, "count": count}
            answer = await EnturClient(shop.world).supplements(booking.number, await booking.line(), offer, chosen)
    refused(answer, "ALREADY_BOOKED")
    assert await booking.carries() == []


async def test_a_second_one_in_a_later_request_is_too_many_too(shop: Shop) -> None:
    code, product = await one_of_ten(shop)
    booking = await shop.sell(product, "ann", "bob", on=shop.train(), extras=(code,))
    refused(await booking.change(extras(await booking.line("ann"), code)), "ALREADY_BOOKED")
    group = await shop.basket()
    done(
        await group.change(
            add(await shop.offer(shop.compartment(supplements=(code,)), "ann", "bob", on=shop.train()), code, code)
        )
    )
    refused(await group.change(extras(await group.line(), code)), "ALREADY_BOOKED")


async def test_the_last_place_is_sold_once(shop: Shop) -> None:
    code = shop.supplement(capacity=2)
    product = shop.ticket(supplements=(code,))
    train, other = shop.train(), shop.train()
    first = await shop.sell(product, "ann", on=train, extras=(code, code))
    second = await shop.sell(product, "bob", on=train)
    before = second.snapshot()
    problem = refused(await second.change(extras(await second.line(), code)), "SOLD_OUT")
    assert code in str(problem)
    assert second.snapshot() == before
    elsewhere = await shop.sell(product, "cat", on=other, extras=(code, code))
    bundle = await shop.offer(product, "cat", on=train)
    refused(await elsewhere.change(replace(await elsewhere.lines(), bundle)), "SOLD_OUT")
    done(await first.do("draft", remove((await first.extras())[0]), refund_price_difference=True))
    done(await second.do("draft", extras(await second.line(), code)))


async def test_fifty_travellers_with_a_bicycle_each_do_not_fit_on_a_train_with_ten_places(shop: Shop) -> None:
    code, product = await one_of_ten(shop)
    train = shop.train(coaches=4, seats=16)
    people = [f"trav-{number}" for number in range(50)]
    born = dict.fromkeys(people, "1987-06-05")
    booking = await shop.basket()
    bundle = await shop.offer(product, *people, on=train, born=born)
    refused(await booking.do("one go", add(bundle, code)), "SOLD_OUT")
    few = await shop.offer(product, *people[:10], on=train, born=born)
    done(await booking.do("one go", add(few, code)))


@WAYS
async def test_units_pass_from_the_old_line_to_the_new_one_on_the_same_train(shop: Shop, way: str) -> None:
    code = shop.supplement(capacity=1)
    train, product = shop.train(), shop.ticket(supplements=(code,))
    booking = await shop.sell(product, "ann", on=train, extras=(code,))
    dear = shop.ticket("349.00", supplements=(code,))
    done(await booking.do(way, replace(await booking.lines(), await shop.offer(dear, "ann", on=train))))
    assert await booking.carries() == [("ann", code, train)]
    newcomer = await shop.offer(dear, "bob", on=train)
    done(
        await booking.do(
            way, replace(await booking.lines(), newcomer, supplements=(code,)), refund_price_difference=True
        )
    )
    assert await booking.carries() == [("bob", code, train)]


async def test_what_finds_no_room_on_the_new_train_may_be_left(shop: Shop) -> None:
    code = shop.supplement(capacity=1)
    product, train = shop.ticket(supplements=(code, "MEAL")), shop.train()
    await shop.sell(product, "bob", on=train, extras=(code,))
    booking = await shop.sell(product, "ann", on=shop.train(), extras=(code, "MEAL"))
    bundle = await shop.offer(product, "ann", on=train)
    refused(await booking.change(replace(await booking.lines(), bundle)), "SOLD_OUT")
    left = replace(await booking.lines(), bundle, leave_supplements=True)
    done(await booking.change(left, refund_price_difference=True))
    assert (await booking.carries(), await booking.balance()) == ([("ann", "MEAL", train)], "-150.00")


@pytest.mark.parametrize("end", ["discard", "expiry"])
async def test_units_held_by_a_draft_are_free_again_when_it_ends(shop: Shop, end: str) -> None:
    code = shop.supplement(capacity=1)
    product, train = shop.ticket(supplements=(code,)), shop.train()
    first, second = await shop.sell(product, "ann", on=train), await shop.sell(product, "bob", on=train)
    done(await first.change(extras(await first.line(), code)))
    refused(await second.change(extras(await second.line(), code)), "SOLD_OUT")
    if end == "discard":
        done(await first.discard())
    else:
        await first.wait()
    done(await second.do("draft", extras(await second.line(), code)))


@pytest.mark.parametrize(
    ("per", "days", "code"), [("first_day", 1, None), ("first_day", 0, "SOLD_OUT"), ("each_day", 1, "SOLD_OUT")]
)
async def test_cards_are_limited_on_their_first_day_or_on_each_day(
    shop: Shop, per: str, days: int, code: str | None
) -> None:
    card = shop.card(capacity=1, capacity_per=CapacityPer(per), validity="P3D")
    start = (shop.now + timedelta(days=5)).replace(hour=9)
    first = await shop.offer(card, "ann", valid_from=start.isoformat())
    second = await shop.search(card, "bob", valid_from=(start + timedelta(days=days)).isoformat(), sold_out=True)
    done(await (await shop.basket()).do("one go", add(first)))
    answer = await (await shop.basket()).do("draft", add(second[0]["id"]))
    refused(answer, code) if code else done(answer)


async def test_offers_say_what_is_left_and_leave_out_what_is_sold_out(shop: Shop) -> None:
    product, train = shop.ticket(capacity=2), shop.train(coaches=2, seats=16)
    (found,) = await shop.search(product, "ann", on=train)
    assert found["offers"][0]["available"] == 2
    (open_,) = await shop.search(shop.ticket(), "ann", on=train)
    assert open_["offers"][0]["available"] == 9
    booking = await shop.sell(product, "ann", "bob", on=train)
    assert await shop.search(product, "cat", on=train) == []
    (sold_out,) = await shop.search(product, "cat", on=train, sold_out=True)
    assert sold_out["offers"][0]["available"] == 0
    (own,) = await shop.search(product, "ann", "bob", on=train, order=booking.number)
    assert own["offers"][0]["available"] == 2
