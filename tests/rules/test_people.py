"""People (P1 to P6): whose line an id means, who is given up, and who may travel with whom."""

from typing import Any

import pytest

from domain.products import PriceRow
from tests.rules.shop import BORN, Booking, Shop, add, done, extras, kroner, refused, remove, replace, warnings
from tests.support.discover_client import DAY_CARD, JESSIKA, JHON, THREE_DAYS, DiscoverClient, codes, item
from tests.support.entur_client import EnturClient
from tests.support.world import CARD, Answer, World

pytestmark = pytest.mark.rules

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])
ROUTES = pytest.mark.parametrize("route", ["native", "entur"])


async def moved_together(shop: Shop) -> tuple[Booking, str, str, str]:
    """Return a booking of ann and bob, both moved in one operation, with ann's and bob's first ids and their train."""
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=shop.train())
    first, second = await booking.line("ann"), await booking.line("bob")
    train = shop.train()
    bundle = await shop.offer(shop.ticket(), "ann", "bob", on=train)
    done(await booking.change(replace([first, second], bundle), confirm=True, payment=CARD))
    return booking, first, second, train


async def by_first_id(booking: Booking, route: str, line: str, product: str, on: str, **more: Any) -> Answer:
    """Exchange the line that an id means for a product for ann."""
    if route == "native":
        return await booking.change(replace([line], await booking.shop.offer(product, "ann", on=on)), **more)
    offer = await booking.shop.enturs_offer(product, "ann", on=on)
    selected = {"selectedOrderLineIds": [line]} if route == "entur, selected" else {}
    return await EnturClient(booking.world).update(
        booking.number, {"offerId": offer, "orderLineId": line} | selected, refund=True
    )


# Whose line an id means


@pytest.mark.parametrize("route", ["native", "entur", "entur, selected"])
async def test_an_exchange_by_a_first_id_moves_its_own_traveller_only(shop: Shop, route: str) -> None:
    booking, first, _, train = await moved_together(shop)
    dear, later = shop.ticket("498.00"), shop.train()
    answer = await by_first_id(booking, route, first, dear, later)
    assert answer.status == 200, answer.body
    people = await booking.travels()
    assert [(who, on) for who, _, on in people] == [("ann", later), ("bob", train)]
    assert await booking.balance() == "199.00"


@WAYS
async def test_a_removal_by_a_first_id_leaves_the_others_on_the_order(shop: Shop, way: str) -> None:
    booking, _, second, train = await moved_together(shop)
    done(await booking.do(way, remove(second), refund_price_difference=True))
    assert [(who, on) for who, _, on in await booking.travels()] == [("ann", train)]
    assert booking.ledger("refund") == [("refund", 299_00)]


@ROUTES
async def test_a_meal_by_a_first_id_is_for_its_traveller(shop: Shop, route: str) -> None:
    booking, first, second, train = await moved_together(shop)
    if route == "native":
        done(await booking.change(extras(second, "MEAL")))
    else:
        client = EnturClient(shop.world)
        (offer,) = {
            each["offerId"]
            for each in (await client.show(booking.number))["orderLines"]
            if each["travellers"] == ["bob"]
        }
        done(await client.supplements(booking.number, second, offer, {"selectedProductId": "MEAL"}))
    assert await booking.carries() == [("bob", "MEAL", train)]
    done(await booking.change(extras(first, "MEAL")))
    assert await booking.carries() == [("ann", "MEAL", train), ("bob", "MEAL", train)]


async def there_and_back(shop: Shop) -> tuple[Booking, str, str, list[str]]:
    """Return a booking whose outward and return lines were replaced in one operation, with their first ids."""
    booking = await shop.basket()
    trains = [shop.train() for _ in range(4)]
    for train in trains[:2]:
        done(await booking.change(add(await shop.offer(shop.ticket(), "ann", on=train))))
    done(await booking.confirm(CARD))
    lines = {each["service"]: each["id"] for each in (await booking.show())["lines"]}
    out, back = (lines[train] for train in trains[:2])
    bundles = [await shop.offer(shop.ticket("349.00"), "ann", on=train) for train in trains[2:]]
    done(await booking.change(replace([out, back], *bundles)))
    return booking, out, back, trains


@pytest.mark.parametrize("confirmed", [False, True])
async def test_the_return_stays_when_the_outward_id_is_replaced_again(shop: Shop, *, confirmed: bool) -> None:
    booking, out, _, trains = await there_and_back(shop)
    if confirmed:
        done(await booking.confirm(CARD))
    other = shop.train()
    done(await booking.change(replace([out], await shop.offer(shop.ticket("499.00"), "ann", on=other))))
    assert sorted(on for _, _, on in await booking.travels()) == sorted([other, trains[3]])


async def test_a_removal_and_a_meal_by_the_return_s_id_are_about_the_return(shop: Shop) -> None:
    booking, out, back, trains = await there_and_back(shop)
    done(await booking.change(extras(back, "MEAL")))
    assert await booking.carries() == [("ann", "MEAL", trains[3])]
    done(await booking.change(remove(back), refund_price_difference=True))
    assert [on for _, _, on in await booking.travels()] == [trains[2]]
    refused(await booking.change(extras(back, "MEAL")), "LINE_REMOVED")
    done(await booking.change(extras(out, "MEAL")))


async def test_more_lines_than_before_go_with_the_last_one(shop: Shop) -> None:
    booking, out, back, _ = await there_and_back(shop)
    done(await booking.confirm(CARD))
    trains = [shop.train() for _ in range(3)]
    bundles = [await shop.offer(shop.ticket("349.00"), "ann", on=train) for train in trains]
    done(await booking.change(replace([out, back], *bundles)))
    refused(await booking.change(extras(back, "MEAL")), "LINE_REMOVED")
    done(await booking.change(remove(back), refund_price_difference=True))
    assert [on for _, _, on in await booking.travels()] == trains[:1]


async def test_the_id_of_somebody_who_left_stands_for_nothing_or_for_the_newcomer(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=train)
    first, second = await booking.line("ann"), await booking.line("bob")
    done(
        await booking.change(replace([first, second], await shop.offer(shop.ticket("349.00"), "cat", "ann", on=train)))
    )
    done(await booking.change(extras(second, "MEAL")))
    assert await booking.carries() == [("cat", "MEAL", train)]
    done(await booking.discard())
    alone = replace([first, second], await shop.offer(shop.ticket("349.00"), "ann", on=train))
    done(await booking.change(alone, refund_price_difference=True, confirm=True))
    refused(await booking.change(remove(second), refund_price_difference=True), "LINE_REMOVED")
    done(await booking.change(extras(first, "MEAL")))


@pytest.mark.parametrize("kind", ["exchange", "removal", "entur"])
async def test_a_group_is_given_up_by_earlier_ids_only_when_all_its_people_are_named(shop: Shop, kind: str) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=train)
    first, second = await booking.line("ann"), await booking.line("bob")
    group = await shop.offer(shop.compartment(), "ann", "bob", on=train)
    done(await booking.change(replace([first, second], group), confirm=True, payment=CARD))
    before, alone = booking.snapshot(), shop.ticket("1000.00")
    if kind == "removal":
        answer = await booking.change(remove(first), refund_price_difference=True)
    else:
        answer = await by_first_id(booking, "native" if kind == "exchange" else "entur", first, alone, train)
    refused(answer, "SELECTED_LINES_MISMATCH")
    assert booking.snapshot() == before
    done(await booking.change(extras(first, "MEAL")))
    assert await booking.carries() == [("ann", "MEAL", train)]
    both = await shop.offer(alone, "ann", "bob", on=train)
    done(await booking.change(replace([first, second], both)))
    assert [(who, product) for who, product, _ in await booking.travels()] == [("ann", alone), ("bob", alone)]


async def test_every_answer_lists_what_was_given_up_and_what_replaced_it(shop: Shop) -> None:
    booking, first, second, _ = await moved_together(shop)
    ann, bob = await booking.line("ann"), await booking.line("bob")
    bundle = await shop.offer(shop.ticket("349.00"), "ann", "bob", on=shop.train())
    body = done(await booking.change(replace([first, second], bundle)))
    replaced = {line: each["by"] for each in body["replaced"] for line in each["lines"]}
    assert {ann, bob} <= set(replaced)
    assert {line for by in replaced.values() for line in by} == set(await booking.lines())
    body = done(await booking.change(remove(first), refund_price_difference=True))
    assert [line for each in body["replaced"] for line in each["lines"] if not each["by"]] != []


# The birth date a price was worked out from


@ROUTES
@WAYS
async def test_a_sold_adult_is_not_exchanged_to_an_offer_that_says_he_is_eleven(
    shop: Shop, route: str, way: str
) -> None:
    booking = await shop.sell(shop.ticket(child="149.50"), "ann", on=shop.train())
    before, product = booking.snapshot(), shop.ticket("199.00", child="99.50")
    where: dict[str, Any] = {"on": shop.train(), "born": {"ann": "2015-06-05"}}
    if route == "native":
        operation = replace([await booking.line()], await shop.offer(product, "ann", **where))
        answer = await booking.do(way, operation, refund_price_difference=True)
    else:
        answer = await booking.exchange("entur", ("ann",), product, refund=True, **where)
    refused(answer, "TRAVELLER_DIFFERS")
    assert booking.snapshot() == before


async def test_another_birth_date_with_the_same_price_is_another_one_too(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train())
    bundle = await shop.offer(shop.ticket("349.00"), "ann", on=shop.train(), born={"ann": "1980-01-02"})
    refused(await booking.change(replace([await booking.line()], bundle)), "TRAVELLER_DIFFERS")
    refused(await booking.change(add(bundle)), "TRAVELLER_DIFFERS")


async def test_who_has_left_in_the_draft_only_does_not_come_back_with_another_birth_date(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train())
    bob = await shop.offer(shop.ticket(), "bob", on=shop.train())
    assert (await booking.change(replace([await booking.line()], bob), refund_price_difference=True)).status == 200
    bundle = await shop.offer(shop.ticket(), "ann", on=shop.train(), born={"ann": "1980-01-02"})
    refused(await booking.change(add(bundle)), "TRAVELLER_DIFFERS")


async def test_a_birth_date_the_order_does_not_have_yet_may_be_brought(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.compartment(), "ann", "kid", on=train, born={"ann": None, "kid": None})
    product = shop.ticket(child="149.50")
    done(
        await booking.change(
            replace(await booking.lines(), await shop.offer(product, "ann", "kid", on=train)),
            refund_price_difference=True,
        )
    )
    assert (await booking.show())["total"] == "448.50"


async def test_before_the_sale_a_birth_date_is_corrected_with_all_lines_of_the_traveller(shop: Shop) -> None:
    booking, product = await shop.basket(), shop.ticket(child="149.50")
    trains = [shop.train(), shop.train()]
    for train in trains:
        done(await booking.change(add(await shop.offer(product, "ann", on=train))))
    younger = {"born": {"ann": "2015-06-05"}}
    corrected = [await shop.offer(product, "ann", on=train, **younger) for train in trains]
    lines = await booking.lines()
    refused(await booking.change(replace(lines[:1], corrected[0])), "TRAVELLER_DIFFERS")
    done(await booking.change(replace(lines, *corrected)))
    assert await booking.balance() == "299.00"


async def test_before_the_sale_the_birth_date_of_a_traveller_with_a_meal_is_corrected_too(shop: Shop) -> None:
    booking, product, train = await shop.basket(), shop.ticket(child="149.50"), shop.train()
    done(await booking.change(add(await shop.offer(product, "ann", on=train), "MEAL")))
    younger = await shop.offer(product, "ann", on=train, born={"ann": "2015-06-05"})
    done(await booking.change(replace(await booking.lines(), younger)))
    assert (await booking.balance(), await booking.carries()) == ("238.50", [("ann", "MEAL", train)])


async def test_on_discover_swiss_one_item_alone_does_not_change_a_birth_date(world: World) -> None:
    market, younger = DiscoverClient(world), JHON | {"birthDate": "2015-02-18"}
    order = await market.order(item(DAY_CARD, JHON), item(THREE_DAYS, JHON, JESSIKA))
    before = world.snapshot(order)
    assert codes(await market.put(f"{order}-1", item(DAY_CARD, younger))) == ["traveller_differs"]
    assert world.snapshot(order) == before
    alone = await market.order(item(DAY_CARD, JHON))
    assert codes(await market.put(f"{alone}-1", item(DAY_CARD, younger))) == []
    assert (await market.show(alone))["totalAmount"] == 19.0


# One place a traveller and service


@WAYS
@ROUTES
async def test_nobody_gets_a_second_line_on_a_service(shop: Shop, way: str, route: str) -> None:
    train, other = shop.train(), shop.train()
    booking = await shop.sell(shop.ticket(), "ann", on=train)
    before = booking.snapshot()
    if route == "entur":
        offer = await shop.enturs_offer(shop.ticket("349.00"), "ann", on=train)
        answer = await EnturClient(shop.world).reserve({"offerId": offer}, order=booking.number)
    else:
        answer = await booking.do(way, add(await shop.offer(shop.ticket("349.00"), "ann", on=train)))
    refused(answer, "TRAVELLER_ALREADY_ON_SERVICE")
    assert booking.snapshot() == before
    done(await booking.do(way, add(await shop.offer(shop.ticket(), "ann", on=other))))
    line = next(each["id"] for each in (await booking.show())["lines"] if each["service"] == other)
    answer = await booking.do(way, replace([line], await shop.offer(shop.ticket("349.00"), "ann", on=train)))
    refused(answer, "TRAVELLER_ALREADY_ON_SERVICE")


async def test_a_place_given_up_in_the_same_request_is_no_second_one(shop: Shop) -> None:
    train, other = shop.train(), shop.train()
    booking = await shop.basket()
    for each in (train, other):
        done(await booking.change(add(await shop.offer(shop.ticket(), "ann", on=each))))
    done(await booking.confirm(CARD))
    lines = {each["service"]: each["id"] for each in (await booking.show())["lines"]}
    product = shop.ticket("349.00")
    there = replace([lines[train]], await shop.offer(product, "ann", on=other))
    here = replace([lines[other]], await shop.offer(product, "ann", on=train))
    done(await booking.change(there, here, confirm=True, payment=CARD))
    assert sorted(await booking.travels()) == sorted([("ann", product, train), ("ann", product, other)])


async def test_a_product_may_be_a_second_place(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", on=train)
    done(await booking.do("draft", add(await shop.offer(shop.ticket("99.00", second_place=True), "ann", on=train))))
    assert len((await booking.show())["lines"]) == 2


@ROUTES
async def test_lines_beyond_the_offer_s_travellers_are_for_new_nameless_ones(shop: Shop, route: str) -> None:
    train, product = shop.train(), shop.ticket(child="149.50")
    if route == "native":
        booking = await shop.basket()
        done(await booking.change(add(await shop.offer(product, "kid", on=train), count=3)))
    else:
        offer = await shop.enturs_offer(product, "kid", on=train)
        number = done(await EnturClient(shop.world).reserve({"offerId": offer, "count": 3}))["orderId"]
        booking = Booking(shop, str(number))
    shown = await booking.show()
    people = [who for line in shown["lines"] for who in line["travellers"]]
    assert (len(set(people)), people.count("kid"), shown["total"]) == (3, 1, "448.50")
    assert {each["birth_date"] for each in shown["travellers"]} == {BORN["kid"]}
    assert [each["given_name"] for each in shown["travellers"]] == [None] * 3
    assert len({each["seat"] for each in shown["reservations"]}) == 3
    done(await booking.confirm(CARD))


# Who travels only with others


def accompanied(**more: Any) -> dict[str, Any]:
    """Return price rows: infants under 6 without a seat and children under 12 only with somebody else."""
    infant = PriceRow(min_age=0, max_age=2, price=kroner("0.00"), seat=False, accompanied=True)
    child = PriceRow(min_age=3, max_age=15, price=kroner("149.50"), accompanied=True)
    adult = PriceRow(min_age=16, max_age=2500, price=kroner("299.00"), **more)
    return {"prices": (infant, child, adult)}


async def test_a_lap_infant_has_no_seat(shop: Shop) -> None:
    train = shop.train(coaches=1, seats=1)
    booking = await shop.sell(shop.ticket(**accompanied()), "ann", "baby", on=train)
    assert list(await booking.seats()) == ["ann"]
    assert (await booking.show())["total"] == "299.00"


@pytest.mark.parametrize("people", [("kid",), ("kid", "tot"), ("ann", "kid", "tot")])
async def test_a_child_alone_or_too_many_with_one_adult_are_refused_in_one_go_and_at_the_confirmation(
    shop: Shop, people: tuple[str, ...]
) -> None:
    bundle = await shop.offer(shop.ticket(**accompanied()), *people, on=shop.train())
    refused(await (await shop.basket()).do("one go", add(bundle)), "ACCOMPANIED_ONLY")
    booking = await shop.basket()
    assert "ACCOMPANIED_ONLY" in warnings(await booking.change(add(bundle)))
    refused(await booking.confirm(CARD), "ACCOMPANIED_ONLY")
    assert booking.ledger("capture") == []


async def test_one_adult_accompanies_as_many_as_his_row_says(shop: Shop) -> None:
    product = shop.ticket(**accompanied(accompanies=2))
    booking = await shop.sell(product, "ann", "kid", "tot", on=shop.train())
    assert (await booking.show())["total"] == "598.00"


@pytest.mark.parametrize("kind", ["removal", "exchange"])
async def test_the_last_adult_does_not_leave_a_child_behind(shop: Shop, kind: str) -> None:
    product = shop.ticket(**accompanied())
    booking = await shop.sell(product, "ann", "kid", on=shop.train())
    line = await booking.line("ann")
    operation = (
        remove(line) if kind == "removal" else replace([line], await shop.offer(product, "ann", on=shop.train()))
    )
    before = booking.snapshot()
    refused(await booking.do("one go", operation, refund_price_difference=True), "ACCOMPANIED_ONLY")
    assert booking.snapshot() == before
    assert "ACCOMPANIED_ONLY" in warnings(await booking.change(operation, refund_price_difference=True))
    refused(await booking.confirm(CARD), "ACCOMPANIED_ONLY")


async def test_a_family_moves_one_after_the_other_in_a_draft(shop: Shop) -> None:
    product, train = shop.ticket(**accompanied()), shop.train()
    booking = await shop.sell(product, "ann", "kid", on=shop.train())
    for who in ("ann", "kid"):
        done(await booking.change(replace([await booking.line(who)], await shop.offer(product, who, on=train))))
    done(await booking.confirm(CARD))
    assert {on for _, _, on in await booking.travels()} == {train}


async def test_cards_accompany_each_other_within_a_family_of_products_and_a_day(shop: Shop) -> None:
    rows = accompanied()
    day, other_day = ((shop.now.replace(day=1).isoformat()[:8] + each) for each in ("20T10:00:00Z", "21T10:00:00Z"))
    child_card = shop.card(family="region", **rows)
    adult_card, strange = shop.card(family="region", **rows), shop.card(**rows)
    for product, when, code in (
        (strange, day, "ACCOMPANIED_ONLY"),
        (adult_card, other_day, "ACCOMPANIED_ONLY"),
        (adult_card, day, None),
    ):
        booking = await shop.basket()
        child = await shop.offer(child_card, "kid", valid_from=day)
        adult = await shop.offer(product, "ann", valid_from=when)
        answer = await booking.do("one go", add(child), add(adult))
        refused(answer, code) if code else done(answer)
