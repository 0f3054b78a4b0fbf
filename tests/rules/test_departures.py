"""Departures (T1, T2): what a train that leaves keeps from being given up, added and confirmed."""

from datetime import datetime, timedelta

import pytest

from tests.rules.shop import LATER, SOON, Booking, Shop, add, done, extras, instant, refused, remove, replace
from tests.support.discover_client import JHON, DiscoverClient, item
from tests.support.entur_client import EnturClient
from tests.support.world import CARD, Answer, World

pytestmark = pytest.mark.rules

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])
ROUTES = pytest.mark.parametrize("route", ["native", "entur"])
GIVING_UP = pytest.mark.parametrize("kind", ["removal", "exchange", "meal taken off"])

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])
GIVING_UP = pytest.mark.parametrize("kind", ["removal", "exchange", "meal taken off"])


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


@GIVING_UP
async def test_a_draft_ends_at_the_departure_of_what_it_gives_up(shop: Shop, kind: str) -> None:
    train = shop.train(SOON)
    booking = await shop.sell(shop.ticket(), "ann", on=train, extras=("MEAL",))
    before = booking.snapshot()
    done(await give_up(booking, kind))
    shown = await booking.show()
    assert abs(instant(shown["expires_at"]) - shop.departs_at(train)) < timedelta(seconds=1)
    assert await booking.wait(SOON + timedelta(seconds=5)) == "COMPLETED"
    problem = refused(await booking.confirm(CARD), "DRAFT_ENDED")
    assert "expired" in str(problem)
    assert (booking.snapshot(), booking.ledger("refund")) == (before, [])


@GIVING_UP
async def test_a_draft_whose_deadline_is_not_handled_yet_is_not_confirmed_after_the_departure(
    shop: Shop, kind: str
) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", on=train, extras=("MEAL",))
    paid = booking.ledger()
    done(await give_up(booking, kind))
    shop.depart(train)
    problem = refused(await booking.confirm(CARD), "SERVICE_DEPARTED")
    assert all("line" in error for error in problem["errors"])
    assert booking.ledger() == paid
    done(await booking.discard())
    assert [(who, service) for who, _, service in await booking.travels()] == [("ann", train)]


@GIVING_UP
@WAYS
async def test_nothing_of_a_train_that_has_left_is_given_up(shop: Shop, kind: str, way: str) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", on=train, extras=("MEAL",))
    shop.depart(train)
    before, line = booking.snapshot(), await booking.line()
    go = {"confirm": True, "payment": CARD} if way == "one go" else {}
    problem = refused(await give_up(booking, kind, **go), "SERVICE_DEPARTED")
    named = line if kind != "meal taken off" else (await booking.extras())[0]
    assert [error["line"] for error in problem["errors"]] == [named]
    assert booking.snapshot() == before


async def test_enturs_exchange_of_a_train_that_has_left_is_refused(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", on=train)
    shop.depart(train)
    before = booking.snapshot()
    refused(await booking.exchange("entur", ("ann",), shop.ticket("349.00"), shop.train()), "SERVICE_DEPARTED")
    assert booking.snapshot() == before


async def test_a_draft_over_enturs_routes_ends_at_the_departure_and_a_later_confirm_shows_the_order(
    shop: Shop,
) -> None:
    train = shop.train(SOON)
    booking = await shop.sell(shop.ticket(), "ann", on=train)
    entur = EnturClient(shop.world)
    sold = await entur.show(booking.number)
    done(await booking.exchange("entur", ("ann",), shop.ticket("249.00"), shop.train(), refund=True))
    await booking.wait(SOON + timedelta(seconds=5))
    confirmed = done(await entur.confirm(booking.number))
    assert (confirmed, booking.ledger("refund")) == (sold, [])


@pytest.mark.parametrize("kind", ["sale", "exchange", "meal"])
@WAYS
async def test_nothing_is_added_on_a_train_that_left_after_it_was_offered(shop: Shop, kind: str, way: str) -> None:
    train, product = shop.train(), shop.ticket("349.00")
    booking = await shop.sell(shop.ticket(), "ann", on=train if kind == "meal" else shop.train())
    bundle = await shop.offer(product, "ann" if kind == "exchange" else "bob", on=train)
    operation = {
        "sale": add(bundle),
        "exchange": replace([await booking.line()], bundle),
        "meal": extras(await booking.line(), "MEAL"),
    }[kind]
    shop.depart(train)
    before = booking.snapshot()
    refused(await booking.do(way, operation), "SERVICE_DEPARTED")
    assert booking.snapshot() == before


@pytest.mark.parametrize("route", ["native", "entur", "discover"])
async def test_an_unpaid_sale_ends_at_the_departure_and_no_money_is_set_aside(
    world: World, shop: Shop, route: str
) -> None:
    booking, departs = await _unpaid(world, shop, route, SOON)
    assert abs(instant((await booking.show())["expires_at"]) - departs) < timedelta(seconds=1)
    assert await booking.wait(SOON + timedelta(seconds=5)) == "COMPLETED"
    currency = "CHF" if route == "discover" else "NOK"
    refused(await world.pay(booking.number, "89.00", currency=currency), "ORDER_EXPIRED")
    refused(await booking.confirm(CARD), "ORDER_EXPIRED")
    assert booking.ledger() == []


@pytest.mark.parametrize("route", ["native", "entur"])
async def test_an_unpaid_sale_whose_train_left_before_its_draft_expired_takes_no_money(
    world: World, shop: Shop, route: str
) -> None:
    booking, _ = await _unpaid(world, shop, route, LATER)
    shop.depart((await booking.show())["lines"][0]["service"])
    refused(await booking.confirm(CARD), "SERVICE_DEPARTED", "ORDER_EXPIRED")
    refused(await booking.pay("299.00"), "SERVICE_DEPARTED", "ORDER_EXPIRED")
    shown = await booking.show()
    assert (shown["paid"], booking.ledger("capture")) == ("0.00", [])


async def _unpaid(world: World, shop: Shop, route: str, leaves_in: timedelta) -> tuple[Booking, datetime]:
    """Put a ticket into a new order by one of the three routes."""
    if route == "discover":
        market = DiscoverClient(world)
        product, service, _ = market.panorama()
        moved = shop.now + leaves_in
        shop.reschedule(service, moved)
        return Booking(shop, await market.order(item(product, JHON, valid_from=moved.isoformat()))), moved
    train, product = shop.train(leaves_in), shop.ticket()
    if route == "entur":
        offer = await shop.enturs_offer(product, "ann", on=train)
        number = done(await EnturClient(world).reserve({"offerId": offer}))["orderId"]
        return Booking(shop, str(number)), shop.departs_at(train)
    booking = await shop.basket()
    done(await booking.change(add(await shop.offer(product, "ann", on=train))))
    return booking, shop.departs_at(train)


@WAYS
async def test_only_lines_that_a_change_touches_count(shop: Shop, way: str) -> None:
    out, back, later = shop.train(), shop.train(LATER + timedelta(days=1)), shop.train(LATER + timedelta(days=2))
    product = shop.ticket()
    booking = await shop.basket()
    legs = [add(await shop.offer(product, "ann", on=train)) for train in (out, back)]
    done(await booking.change(*legs, confirm=True, payment=CARD))
    shop.depart(out)
    line = next(each["id"] for each in (await booking.show())["lines"] if each["service"] == back)
    done(await booking.do(way, replace([line], await shop.offer(shop.ticket("349.00"), "ann", on=later))))
    (moved,) = [each["id"] for each in (await booking.show())["lines"] if each["service"] == later]
    done(await booking.do(way, extras(moved, "MEAL")))
    done(await booking.do(way, remove(moved), refund_price_difference=True))
    assert [service for _, _, service in await booking.travels()] == [out]
    assert booking.ledger("refund") != []


@pytest.mark.parametrize("word", [False, True])
@GIVING_UP
async def test_a_cancelled_train_never_leaves_costs_no_fee_and_is_paid_back(
    shop: Shop, kind: str, *, word: bool
) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00", fee="50.00"), "ann", on=train, extras=("MEAL",))
    shop.cancel(train)
    shop.depart(train)
    shop_operation = {
        "removal": remove(await booking.line()),
        "exchange": replace([await booking.line()], await shop.offer(shop.ticket("99.00"), "ann", on=shop.train())),
        "meal taken off": remove(*await booking.extras()),
    }[kind]
    done(await booking.do("draft", shop_operation, refund_price_difference=word))
    paid_back = {"removal": 388_00, "exchange": 200_00, "meal taken off": 89_00}[kind]
    assert sum(amount for _, amount in booking.ledger("refund")) == paid_back
    assert (await booking.show())["fees"] == []
