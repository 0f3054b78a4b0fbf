"""Answers (A1 to A4): an answer is the request's own, tells who and why, and what it is about."""

import asyncio
from typing import Any

import pytest

from tests.rules.shop import Booking, Shop, add, done, extras, name, refused, remove, replace
from tests.support.canary import ADULT, FAMILY, GIVEN
from tests.support.discover_client import DAY_CARD, JHON, THREE_DAYS, DiscoverClient, codes, item
from tests.support.entur_client import EnturClient, new_key
from tests.support.world import CARD, World

pytestmark = pytest.mark.rules

# A request's own answer


async def test_six_updates_of_one_item_at_once_each_have_their_own_answer(world: World) -> None:
    market = DiscoverClient(world)
    order = await market.order(item(DAY_CARD, JHON))
    sent = [DAY_CARD, THREE_DAYS] * 3
    answers = await asyncio.gather(*(market.put(f"{order}-1", item(product, JHON)) for product in sent))
    assert [codes(each) for each in answers] == [[]] * 6
    got = [each.body["orderItem"]["orderedItem"]["product"]["identifier"] for each in answers]
    assert got == sent


async def test_an_answer_of_discover_swiss_is_the_same_when_it_is_replayed_after_another_change(world: World) -> None:
    market, key = DiscoverClient(world), new_key()
    order = await market.order(item(DAY_CARD, JHON))
    first = await market.put(f"{order}-1", item(THREE_DAYS, JHON), Idempotency_Key=key)
    done(await market.put(f"{order}-1", item(DAY_CARD, JHON)))
    again = await market.put(f"{order}-1", item(THREE_DAYS, JHON), Idempotency_Key=key)
    assert (again.body, again.headers["idempotency-replayed"]) == (first.body, "true")
    done(await market.remove(f"{order}-1"))
    again = await market.put(f"{order}-1", item(THREE_DAYS, JHON), Idempotency_Key=key)
    assert again.body == first.body


@pytest.mark.parametrize("kind", ["update", "reserve", "supplements", "reset"])
async def test_an_answer_of_entur_is_the_same_when_it_is_replayed_after_another_change(shop: Shop, kind: str) -> None:
    train = shop.train()
    product = shop.ticket()
    booking = await shop.sell(product, "ann", on=train)
    entur, key = EnturClient(shop.world), new_key()
    offers = {who: await shop.enturs_offer(shop.ticket("349.00"), who, on=train) for who in ("ann", "bob")}
    own = await shop.enturs_offer(product, "ann", on=train)
    line = await booking.line()

    async def send() -> Any:
        match kind:
            case "update":
                return await entur.update(
                    booking.number, {"offerId": offers["ann"], "orderLineId": line}, Idempotency_Key=key
                )
            case "reserve":
                return await entur.reserve({"offerId": offers["bob"]}, order=booking.number, Idempotency_Key=key)
            case "reset":
                path = f"/v1/orders/{booking.number}/reset"
                return await entur.send("POST", path, Idempotency_Key=key)
            case _:
                meal = {"selectedProductId": "MEAL"}
                chosen = {"offerId": own, "orderLineId": line, "selectedProductsConfiguration": [meal]}
                body = {"orderId": booking.number, "offerConfigurations": [chosen]}
                return await entur.send("POST", "/v1/update-order/supplement-products", body, Idempotency_Key=key)

    first = await send()
    done(first)
    done(await booking.change(name("ann", given_name="Ann")))
    done(await booking.confirm(CARD))
    again = await send()
    assert (again.body, again.headers["idempotency-replayed"]) == (first.body, "true")


# What a confirmation confirmed


async def test_a_plain_confirm_lists_every_line_and_sum_of_the_draft(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", "bob", on=train)
    ann, bob = await booking.line("ann"), await booking.line("bob")
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), train))
    done(await booking.change(remove(bob), refund_price_difference=True))
    done(await booking.change(extras(await booking.line("ann"), "MEAL")))
    added = {line["id"] for line in (await booking.show())["lines"]}
    confirmed = done(await booking.confirm(CARD))["confirmed"]
    assert {line["line"] for line in confirmed["lines"]} == added
    assert {line["line"] for line in confirmed["given_up"]} == {ann, bob}
    assert (confirmed["captured"], confirmed["refunded"]) == ("0.00", "160.00")


# Who and why


async def test_history_tells_who_changed_something_and_why(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train())
    answer = await booking.change(extras(await booking.line(), "MEAL"), reason="asked for at the counter")
    done(await booking.confirm(CARD, reason="paid in cash later"))
    events = (await shop.world.send("GET", f"/v1/orders/{booking.number}/history")).body["events"]
    reasons = {event["change"]: event["reason"] for event in events if event["change"]}
    assert reasons[answer.change] == "asked for at the counter"
    assert "paid in cash later" in reasons.values()
    assert all(event["client"] for event in events if event["change"])
    details = (await shop.world.send("GET", f"/v1/changes/{answer.change}")).body
    assert (details["reason"], bool(details["client"])) == ("asked for at the counter", True)


# What a problem is about


async def test_a_problem_names_the_line_the_amount_or_the_member(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", on=train)
    line = await booking.line()
    dearer = replace([line], await shop.offer(shop.ticket("349.00"), "ann", on=train))
    assert "50.00" in str(refused(await booking.do("one go", dearer, payment=None), "BALANCE_NOT_ZERO"))
    unknown = refused(await booking.change({"op": "remove_lines", "lines": [line], "because": "x"}), "MEMBER_INVALID")
    assert "because" in str(unknown)
    strange = refused(await booking.change({"op": "swap_lines", "lines": [line]}), "MEMBER_INVALID")
    assert all(each in str(strange) for each in ("add_lines", "replace_lines", "remove_lines"))
    missing = refused(await booking.change(remove(f"{booking.number}-99")), "LINE_NOT_FOUND")
    assert missing["title"]


async def test_a_problem_has_nothing_personal_in_it(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.basket()
    born = {ADULT: "1987-06-05"}
    bundle = await shop.offer(shop.ticket(), ADULT, on=train, born=born)
    known = [{"id": ADULT, "given_name": GIVEN, "family_name": FAMILY}]
    done(await booking.do("one go", add(bundle, travellers=known)))
    second = await shop.offer(shop.ticket(), ADULT, on=train, born=born)
    other = await shop.offer(shop.ticket(), ADULT, on=shop.train(), born={ADULT: "1986-06-05"})
    shop.depart(train)
    for operation in (add(second), add(other), name(ADULT, given_name="Kanari")):
        problem = str(refused(await booking.change(operation), "SERVICE_DEPARTED", "TRAVELLER_DIFFERS"))
        assert not [each for each in (ADULT, GIVEN, FAMILY, "Kanari", "1987", "1986") if each in problem]


# Entur


async def test_unknown_members_of_entur_s_bodies_are_ignored(shop: Shop) -> None:
    train = shop.train()
    entur = EnturClient(shop.world)
    offer = await shop.enturs_offer(shop.ticket(), "ann", on=train)
    reserved = done(await entur.reserve({"offerId": offer, "loyalty": {"points": 3}}))
    booking = Booking(shop, str(reserved["orderId"]))
    done(await booking.confirm(CARD))
    later = await shop.enturs_offer(shop.ticket("349.00"), "ann", on=train)
    line = await booking.line()
    done(await entur.update(booking.number, {"offerId": later, "orderLineId": line, "comment": None}))


@pytest.mark.parametrize("named", ["all", "by earlier ids", "none", "all but one"])
async def test_entur_s_confirm_takes_all_lines_or_none(shop: Shop, named: str) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=train, extras=("MEAL",))
    first = await booking.lines()
    done(await booking.exchange("native", ("ann", "bob"), shop.ticket("299.00"), shop.train()))
    lines = await booking.lines()
    body = {
        "all": {"orderLineIds": lines},
        "by earlier ids": {"orderLineIds": first},
        "none": {},
        "all but one": {"orderLineIds": lines[:1]},
    }[named]
    before = booking.snapshot()
    answer = await EnturClient(shop.world).send("POST", f"/v1/orders/{booking.number}/orderlines/confirm", body)
    if named == "all but one":
        refused(answer, "PARTIAL_CONFIRM_NOT_SUPPORTED")
        assert booking.snapshot() == before
    else:
        assert done(answer)["status"] == "CONFIRMED"


@pytest.mark.parametrize("correlation", ["a;c=d/{}", "x" * 256, "trace:00-af/1"])
async def test_entur_s_correlation_id_is_any_visible_ascii(shop: Shop, correlation: str) -> None:
    entur = EnturClient(shop.world)
    offer = await shop.enturs_offer(shop.ticket(), "ann", on=shop.train())
    answer = await entur.reserve({"offerId": offer}, X_Correlation_Id=correlation)
    done(answer)
    assert answer.headers["x-correlation-id"] == correlation


@pytest.mark.parametrize("client", ["Åse Bjørg-app", "J. R. Smith-kiosk", "reise-web"])
async def test_entur_s_client_name_may_be_a_person_s(shop: Shop, client: str) -> None:
    entur = EnturClient(shop.world)
    entur.headers = entur.headers | {"ET-Client-Name": client}
    offer = await shop.enturs_offer(shop.ticket(), "ann", on=shop.train())
    done(await entur.reserve({"offerId": offer}))


async def test_a_count_of_one_beside_chosen_travellers_is_no_fault(shop: Shop) -> None:
    offer = await shop.enturs_offer(shop.ticket(), "ann", "bob", on=shop.train())
    entur = EnturClient(shop.world)
    done(await entur.reserve({"offerId": offer, "count": 1, "selectedTravellerIds": ["bob"]}))
    refused(
        await entur.reserve({"offerId": offer, "count": 2, "selectedTravellerIds": ["bob"]}), "COUNT_WITH_TRAVELLERS"
    )


@pytest.mark.parametrize("kind", ["own and expired", "same product and service", "another service", "another product"])
async def test_a_supplement_s_offer_is_the_line_s_own_or_of_the_same_product_and_service(shop: Shop, kind: str) -> None:
    train, product = shop.train(), shop.ticket()
    booking = await shop.sell(product, "ann", on=train)
    entur, line = EnturClient(shop.world), await booking.line()
    (own,) = [each["offerId"] for each in (await entur.show(booking.number))["orderLines"]]
    offer = {
        "own and expired": own,
        "same product and service": await shop.enturs_offer(product, "bob", on=train),
        "another service": await shop.enturs_offer(product, "ann", on=shop.train()),
        "another product": await shop.enturs_offer(shop.ticket(), "ann", on=train),
    }[kind]
    later = shop.now.replace(microsecond=0) + (shop.departs_at(train) - shop.now) / 2
    with shop.world.clock_at(later if kind == "own and expired" else shop.now):
        answer = await entur.supplements(booking.number, line, offer, {"selectedProductId": "MEAL"})
    if kind in ("own and expired", "same product and service"):
        done(answer)
    else:
        assert 400 <= answer.status < 500
        assert await booking.carries() == []


async def test_entur_s_configurations_of_one_group_offer_are_one_group_of_all_named(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=train)
    lines = await booking.lines()
    offer = await shop.enturs_offer(shop.compartment(), "ann", "bob", on=train)
    chosen = [
        {"offerId": offer, "orderLineId": line, "selectedOrderLineIds": lines, "selectedTravellerIds": [who]}
        for line, who in zip(lines, ("ann", "bob"), strict=True)
    ]
    done(await EnturClient(shop.world).update(booking.number, *chosen))
    (group,) = (await booking.show())["lines"]
    assert (sorted(group["travellers"]), group["price"]) == (["ann", "bob"], "1196.00")


async def test_lines_renewed_because_an_order_had_expired_stand_among_the_replaced(shop: Shop) -> None:
    train, entur = shop.train(), EnturClient(shop.world)
    offer = await shop.enturs_offer(shop.ticket(), "ann", on=train)
    reserved = done(await entur.reserve({"offerId": offer}))
    booking = Booking(shop, str(reserved["orderId"]))
    await booking.wait()
    more = await shop.enturs_offer(shop.ticket(), "bob", on=train)
    body = done(await entur.reserve({"offerId": more}, order=booking.number))
    renewed = {
        old: each["replacedByOrderLineIds"]
        for each in body["replacedByOrderLineIds"]
        for old in each["originalOrderLineIds"]
    }
    assert renewed == {reserved["orderLineIds"][0]: [await booking.line("ann")]}
