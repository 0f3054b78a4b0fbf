"""Names (T4): until when a known name is corrected."""

from datetime import timedelta

import pytest

from domain.terms import SoldUntil
from tests.rules.shop import SOON, Shop, add, done, extras, instant, name, refused
from tests.support.discover_client import DAY_CARD, JHON, DiscoverClient, codes, item
from tests.support.world import CARD, World

pytestmark = pytest.mark.rules

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])
ROUTES = pytest.mark.parametrize("route", ["native", "entur"])
GIVING_UP = pytest.mark.parametrize("kind", ["removal", "exchange", "meal taken off"])

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])


@WAYS
async def test_a_name_is_corrected_until_a_line_of_the_traveller_has_left(shop: Shop, way: str) -> None:
    out, back = shop.train(), shop.train()
    booking = await shop.basket()
    legs = [add(await shop.offer(shop.ticket(), "ann", "bob", on=train)) for train in (out, back)]
    known = name("ann", given_name="An", family_name="Example")
    done(await booking.change(*legs, known, confirm=True, payment=CARD))
    done(await booking.do(way, name("ann", given_name="Ann")))
    shop.depart(out)
    before = booking.snapshot()
    refused(await booking.do(way, name("ann", given_name="Anne")), "SERVICE_DEPARTED")
    assert booking.snapshot() == before
    done(await booking.change(name("ann", given_name="Ann"), extras((await booking.lines("bob"))[1], "MEAL")))
    done(await booking.change(name("bob", given_name="Bob"), name("ann", passport="P1234567")))
    done(await booking.confirm(CARD))


async def test_a_name_drafted_before_the_departure_is_not_confirmed_after_it(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", on=train, travellers=[{"id": "ann", "given_name": "An"}])
    done(await booking.change(name("ann", given_name="Ann")))
    assert instant((await booking.show())["expires_at"]) <= shop.departs_at(train)
    shop.depart(train)
    refused(await booking.confirm(), "SERVICE_DEPARTED")
    done(await booking.discard())
    assert (await booking.show())["travellers"][0]["given_name"] == "An"


async def test_a_draft_that_corrects_a_name_ends_at_the_departure(shop: Shop) -> None:
    train = shop.train(SOON)
    booking = await shop.sell(shop.ticket(), "ann", on=train, travellers=[{"id": "ann", "given_name": "An"}])
    done(await booking.change(name("ann", given_name="Ann")))
    assert instant((await booking.show())["expires_at"]) <= shop.departs_at(train)
    await booking.wait(SOON + timedelta(seconds=5))
    refused(await booking.confirm(), "DRAFT_ENDED")


async def test_the_name_on_a_card_is_corrected_until_its_validity_starts(shop: Shop) -> None:
    known = [{"id": "ann", "given_name": "An"}]
    for starts_in, code in ((timedelta(days=-1), "VALIDITY_STARTED"), (timedelta(days=1), None)):
        card = shop.card(validity="P7D", sold_until=SoldUntil.ALWAYS)
        booking = await shop.sell(card, "ann", valid_from=(shop.now + starts_in).isoformat(), travellers=known)
        answer = await booking.do("one go", name("ann", given_name="Ann"))
        refused(answer, code) if code else done(answer)


async def test_a_typing_error_is_corrected_before_the_sale(world: World, shop: Shop) -> None:
    booking = await shop.basket()
    bundle = await shop.offer(shop.ticket(), "ann", on=shop.train())
    done(await booking.change(add(bundle, travellers=[{"id": "ann", "given_name": "An"}])))
    done(await booking.change(name("ann", given_name="Ann")))
    done(await booking.confirm(CARD))
    market = DiscoverClient(world)
    order = await market.order(item(DAY_CARD, JHON | {"givenName": "Smth"}))
    answer = await market.put(
        f"{order}-1", {"orderedItem": {"traveler": [{"identifier": "jhon", "givenName": "Smith"}]}}
    )
    assert codes(answer) == []
