"""Validity (T3, A5): until when a card is sold and given up, and how far ahead."""

from datetime import timedelta
from typing import Any

import pytest

from domain.terms import ReturnableUntil, SoldUntil
from tests.rules.shop import LATER, SOON, Booking, Shop, add, done, extras, instant, name, refused, remove, replace
from tests.support.discover_client import JHON, DiscoverClient, codes, item
from tests.support.world import Answer, World

pytestmark = pytest.mark.rules

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])
ROUTES = pytest.mark.parametrize("route", ["native", "entur"])
GIVING_UP = pytest.mark.parametrize("kind", ["removal", "exchange", "meal taken off"])

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])


async def give_up(booking: Booking, kind: str, **more: object) -> Answer:
    """Give something up of the only line: the line, the line for another train, or its meal."""
    shop = booking.shop
    match kind:
        case "removal":
            operation = remove(await booking.line())
        case "exchange":
            operation = replace(
                [await booking.line()], await shop.offer(shop.ticket("349.00"), "ann", on=shop.train(LATER))
            )
        case _:
            operation = remove(*await booking.extras())
    return await booking.change(operation, refund_price_difference=True, **more)


async def card_sold(shop: Shop, starts_in: timedelta, **terms: Any) -> Booking:
    """Sell a 24-hour card that becomes valid after a time, by an offer found before."""
    card = shop.card(validity="PT24H", sold_until=SoldUntil.ALWAYS, **terms)
    return await shop.sell(card, "ann", valid_from=(shop.now + starts_in).isoformat())


@WAYS
@pytest.mark.parametrize("kind", ["removal", "exchange"])
async def test_a_card_is_given_up_until_its_validity_starts(shop: Shop, way: str, kind: str) -> None:
    other = await shop.offer(shop.card("20.00"), "ann", valid_from=(shop.now + timedelta(days=2)).isoformat())
    for starts_in, code in ((timedelta(days=-3), "VALIDITY_STARTED"), (timedelta(days=1), None)):
        booking = await card_sold(shop, starts_in)
        before, line = booking.snapshot(), await booking.line()
        operation = remove(line) if kind == "removal" else replace([line], other)
        answer = await booking.do(way, operation, refund_price_difference=True)
        if code is None:
            done(answer)
            assert booking.ledger("refund") == [("refund", 2700 if kind == "removal" else 700)]
        else:
            assert [error["line"] for error in refused(answer, code)["errors"]] == [line]
            assert (booking.snapshot(), booking.ledger("refund")) == (before, [])


async def test_a_card_whose_validity_starts_while_its_removal_is_in_a_draft_is_not_given_up(shop: Shop) -> None:
    booking = await card_sold(shop, SOON)
    before = booking.snapshot()
    done(await booking.change(remove(await booking.line()), refund_price_difference=True))
    assert instant((await booking.show())["expires_at"]) <= shop.now + SOON
    with shop.world.clock_at(shop.now + SOON + timedelta(minutes=1)):
        refused(await booking.confirm(), "VALIDITY_STARTED")
    done(await booking.discard())
    assert (booking.snapshot(), booking.ledger("refund")) == (before, [])


@pytest.mark.parametrize(
    ("until", "started", "over"),
    [
        (ReturnableUntil.START, {"VALIDITY_STARTED"}, {"VALIDITY_STARTED"}),
        (ReturnableUntil.END, None, {"VALIDITY_OVER"}),
        (ReturnableUntil.ALWAYS, None, None),
        (ReturnableUntil.NOT, {"NOT_RETURNABLE"}, {"NOT_RETURNABLE"}),
    ],
)
async def test_terms_say_until_when_a_card_is_given_up(
    shop: Shop, until: ReturnableUntil, started: set[str] | None, over: set[str] | None
) -> None:
    for starts_in, codes_ in ((timedelta(hours=-1), started), (timedelta(days=-3), over)):
        booking = await card_sold(shop, starts_in, returnable_until=until)
        answer = await booking.do("one go", remove(await booking.line()), refund_price_difference=True)
        if codes_ is None:
            done(answer)
        else:
            refused(answer, *codes_)


async def test_a_ticket_that_is_never_given_up_is_not_given_up_before_its_departure_either(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(returnable_until=ReturnableUntil.NOT), "ann", on=shop.train())
    refused(await give_up(booking, "removal"), "NOT_RETURNABLE")
    refused(await give_up(booking, "exchange"), "NOT_RETURNABLE")
    done(await booking.do("draft", extras(await booking.line(), "MEAL"), name("ann", given_name="Ann")))


@WAYS
async def test_a_card_is_sold_until_its_validity_is_over(shop: Shop, way: str) -> None:
    card = shop.card(validity="PT10M")
    bundle = await shop.offer(card, "ann", valid_from=shop.now.isoformat())
    booking = await shop.basket()
    with shop.world.clock_at(shop.now + SOON + timedelta(minutes=1)):
        refused(await booking.do(way, add(bundle)), "VALIDITY_OVER")
    start = shop.card(validity="PT24H", sold_until=SoldUntil.START)
    bundle = await shop.offer(start, "ann", valid_from=(shop.now + timedelta(minutes=5)).isoformat())
    with shop.world.clock_at(shop.now + SOON):
        refused(await booking.do(way, add(bundle)), "VALIDITY_OVER")


@WAYS
async def test_a_card_that_is_valid_from_now_is_sold(shop: Shop, way: str) -> None:
    booking = await shop.basket()
    bundle = await shop.offer(shop.card(validity="P1D"), "ann", valid_from=shop.now.isoformat())
    done(await booking.do(way, add(bundle)))


@pytest.mark.parametrize("card", ["nova_zurichcard24", "nova_zurichcard72"])
async def test_the_demo_s_cards_are_sold_and_given_up_at_any_time(shop: Shop, card: str) -> None:
    booking = await shop.sell(
        card,
        "ann",
        valid_from="2021-10-22T10:00:00Z",
        travellers=[{"id": "ann", "given_name": "Ann", "family_name": "Example"}],
    )
    done(await booking.do("draft", remove(await booking.line()), refund_price_difference=True))
    assert (await booking.show())["status"] == "cancelled"


@pytest.mark.parametrize(("days", "accepted"), [(300, True), (400, False)])
async def test_a_card_is_sold_a_year_ahead_and_no_further(
    world: World, shop: Shop, days: int, *, accepted: bool
) -> None:
    market = DiscoverClient(world)
    order = await market.order()
    valid_from = (shop.now + timedelta(days=days)).isoformat()
    answer = await market.add(order, item(market.product(), JHON, valid_from=valid_from))
    assert (answer.status, codes(answer) == [], answer.body["orderItem"] is not None) == (200, accepted, accepted)
    month = market.product(sold_ahead="P1M")
    far = item(month, JHON, valid_from=(shop.now + timedelta(days=40)).isoformat())
    assert [each["level"] for each in (await market.add(order, far)).body["validationMessages"]] == ["ValidationError"]
    near = item(month, JHON, valid_from=(shop.now + timedelta(days=20)).isoformat())
    assert codes(await market.add(order, near)) == []
