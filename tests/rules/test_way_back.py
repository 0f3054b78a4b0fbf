"""The way back and what an offer promises (G2, G3, M7): confirmed lines live again as they were sold."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.money import Money
from domain.terms import ReturnableUntil
from tests.rules.shop import Booking, Shop, add, done, extras, kroner, name, refused, remove, replace, warnings
from tests.support.entur_client import EnturClient
from tests.support.world import CARD

pytestmark = pytest.mark.rules

ROUTES = pytest.mark.parametrize("route", ["native", "entur"])
KEEP: dict[str, Any] = {"refund_price_difference": False}
REFUND: dict[str, Any] = {"refund_price_difference": True}


async def as_confirmed(booking: Booking, before: str, lines: list[Any]) -> bool:
    """Whether the order is as it was confirmed, without a draft, and may be confirmed."""
    shown = await booking.show()
    confirmed = (await booking.confirm()).status
    return (booking.snapshot(), shown["lines"], shown["draft"], confirmed) == (before, lines, None, 200)


@ROUTES
async def test_a_line_comes_back_whole_with_its_meal_and_seat(shop: Shop, route: str) -> None:
    train, product, bus = shop.train(), shop.ticket("299.00", fee="50.00"), shop.ticket("299.00", supplements=())
    booking = await shop.sell(product, "ann", on=train, extras=("MEAL",), seats=["2-07"])
    before, lines = booking.snapshot(), (await booking.show())["lines"]
    done(await booking.exchange(route, ("ann",), bus, train, refund=False))
    assert (await booking.carries(), await booking.kept()) == ([], ["39.00"])
    done(await booking.exchange(route, ("ann",), product, train))
    assert await as_confirmed(booking, before, lines)
    assert (await booking.show())["fees"] == []


@pytest.mark.parametrize("stops", [1, 2, 3])
async def test_there_and_back_over_other_trains_costs_nothing(shop: Shop, stops: int) -> None:
    train, product = shop.train(), shop.ticket("299.00", fee="50.00")
    booking = await shop.sell(product, "ann", "bob", on=train, extras=("MEAL",))
    before, lines = booking.snapshot(), (await booking.show())["lines"]
    for _ in range(stops):
        done(await booking.exchange("native", ("ann", "bob"), shop.ticket("349.00"), shop.train(), refund=False))
    back = await shop.offer(product, "ann", "bob", on=train)
    done(await booking.change(replace(await booking.lines(), back)))
    assert await as_confirmed(booking, before, lines)


async def test_the_version_before_holds_again_and_the_next_draft_has_its_number(shop: Shop) -> None:
    train, product = shop.train(), shop.ticket()
    booking = await shop.sell(product, "ann", on=train)
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), shop.train()))
    assert (await booking.show())["version"] == 2
    done(await booking.exchange("native", ("ann",), product, train))
    shown = await booking.show()
    assert (shown["version"], shown["status"], shown["expires_at"]) == (1, "confirmed", None)
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), shop.train()))
    assert (await booking.show())["version"] == 2


async def test_one_of_two_comes_back_and_the_draft_stays_for_the_other(shop: Shop) -> None:
    train, product = shop.train(), shop.ticket("299.00", fee="50.00")
    booking = await shop.sell(product, "ann", "bob", on=train)
    line = await booking.line("bob")
    other = shop.train()
    done(await booking.exchange("native", ("ann", "bob"), shop.ticket("349.00"), other))
    assert await booking.balance() == "200.00"
    done(await booking.exchange("native", ("bob",), product, train))
    assert (await booking.line("bob"), await booking.balance()) == (line, "100.00")
    assert (await booking.show())["draft"] is not None


async def test_what_the_request_names_is_changed_on_the_line_that_comes_back(shop: Shop) -> None:
    train, product = shop.train(), shop.ticket("299.00")
    booking = await shop.sell(product, "ann", on=train, extras=("MEAL",), seats=["2-07"])
    line = await booking.line()
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), shop.train()))
    back = await shop.offer(product, "ann", on=train)
    done(await booking.change(replace(await booking.lines(), back, supplements=("MEAL", "BICYCLE"))))
    assert await booking.line() == line
    assert [code for _, code, _ in await booking.carries()] == ["BICYCLE", "MEAL"]
    assert (await booking.balance(), await booking.seats()) == ("150.00", {"ann": (train, "2-07")})


async def test_a_removal_is_undone_by_adding_the_same_again(shop: Shop) -> None:
    train, product = shop.train(), shop.ticket("299.00", fee="50.00")
    booking = await shop.sell(product, "ann", "bob", on=train, extras=("MEAL",))
    before, lines = booking.snapshot(), (await booking.show())["lines"]
    done(await booking.change(remove(await booking.line("bob")), **KEEP))
    done(await booking.change(add(await shop.offer(product, "bob", on=train))))
    assert await as_confirmed(booking, before, lines)


async def test_a_name_put_back_ends_the_draft_too(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train(), travellers=[{"id": "ann", "given_name": "Ann"}])
    before, lines = booking.snapshot(), (await booking.show())["lines"]
    done(await booking.change(name("ann", given_name="Anna")))
    done(await booking.change(name("ann", given_name="Ann")))
    assert await as_confirmed(booking, before, lines)


@pytest.mark.parametrize("other", ["product", "service", "traveller"])
async def test_another_product_service_or_traveller_is_not_the_same(shop: Shop, other: str) -> None:
    train, product = shop.train(), shop.ticket("299.00", fee="50.00")
    booking = await shop.sell(product, "ann", on=train)
    line = await booking.line()
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), shop.train()))
    nearly = {
        "product": (shop.ticket("299.00"), "ann", train),
        "service": (product, "ann", shop.train()),
        "traveller": (product, "bob", train),
    }[other]
    done(await booking.change(replace(await booking.lines(), await shop.offer(*nearly[:2], on=nearly[2]))))
    assert (await booking.line() != line, await booking.balance()) == (True, "50.00")


# What was promised


def altered(shop: Shop, product: str) -> None:
    """Change everything about a product that a price rests on."""
    rows = shop.world.components.offers.products("default", [product])[product].prices
    dear = tuple(row.model_copy(update={"price": kroner("999.00")}) for row in rows)
    terms = {"change_fee": kroner("15.00"), "returnable_until": ReturnableUntil.NOT}
    shop.alter(product, tax_rate=Decimal("0.19"), prices=dear, **terms)


@ROUTES
async def test_after_a_change_of_the_catalogue_the_way_back_is_at_the_old_rate_and_terms(
    shop: Shop, route: str
) -> None:
    train, product = shop.train(), shop.ticket("299.00", fee="5.00", tax_rate=Decimal("0.07"))
    booking = await shop.sell(product, "ann", on=train)
    before, lines = booking.snapshot(), (await booking.show())["lines"]
    altered(shop, product)
    done(await booking.exchange(route, ("ann",), shop.ticket("349.00"), shop.train()))
    fees = [(fee["amount"], fee["tax"]) for fee in (await booking.show())["fees"]]
    assert fees == [("5.00", "0.33")]
    done(await booking.exchange(route, ("ann",), product, train))
    assert await as_confirmed(booking, before, lines)


async def test_a_dearer_offer_of_what_was_confirmed_is_answered_with_a_warning(shop: Shop) -> None:
    train, product = shop.train(), shop.ticket("299.00")
    booking = await shop.sell(product, "ann", on=train)
    before, lines = booking.snapshot(), (await booking.show())["lines"]
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), shop.train()))
    altered(shop, product)
    operation = replace(await booking.lines(), await shop.offer(product, "ann", on=train))
    quote = done(await booking.quote(operation))
    assert (quote["balance"], {each["code"] for each in quote["warnings"]}) == ("0.00", {"AS_CONFIRMED"})
    assert "AS_CONFIRMED" in warnings(await booking.change(operation))
    assert await as_confirmed(booking, before, lines)


async def test_an_offer_promises_price_rate_and_terms_until_it_expires(shop: Shop) -> None:
    train, product = shop.train(), shop.ticket("299.00", fee="5.00", tax_rate=Decimal("0.07"))
    bundle = await shop.offer(product, "ann", on=train)
    altered(shop, product)
    booking = await shop.basket()
    done(await booking.do("one go", add(bundle)))
    (line,) = (await booking.show())["lines"]
    assert (line["price"], line["tax_rate"]) == ("299.00", "0.07")
    done(await booking.do("one go", remove(line["id"]), **REFUND))
    assert booking.ledger("refund") == [("refund", 294_00)]


@pytest.mark.parametrize(
    ("by", "price", "rate"), [(timedelta(0), "299.00", "0.07"), (timedelta(hours=1), "999.00", "0.19")]
)
async def test_an_expired_order_is_renewed_by_its_offer_while_that_stands_else_at_today_s_price_and_rate(
    shop: Shop, by: timedelta, price: str, rate: str
) -> None:
    product = shop.ticket("299.00", fee="5.00", tax_rate=Decimal("0.07"))
    booking = await shop.basket()
    done(await booking.change(add(await shop.offer(product, "ann", on=shop.train()))))
    soon = (shop.now + timedelta(minutes=2)).isoformat()
    done(await shop.world.send("PATCH", f"/v1/orders/{booking.number}", {"expires_at": soon}))
    await booking.wait(timedelta(minutes=3))
    altered(shop, product)
    with shop.world.clock_at(shop.now + by):
        done(await booking.change(name("ann", given_name="Ann")))
    (line,) = (await booking.show())["lines"]
    assert (line["price"], line["tax_rate"]) == (price, rate)


# What is withdrawn or gone


@pytest.mark.parametrize("gone", ["withdrawn", "dropped"])
@pytest.mark.parametrize("route", ["native", "entur", "exchange"])
async def test_a_product_that_went_after_its_offer_is_refused_and_no_failure(shop: Shop, gone: str, route: str) -> None:
    train, product = shop.train(), shop.ticket("349.00")
    booking = await shop.sell(shop.ticket(), "ann", on=train)
    before = booking.snapshot()
    (found,) = await shop.search(product, "bob" if route != "exchange" else "ann", on=train)
    shop.alter(product, withdrawn=True) if gone == "withdrawn" else shop.drop(product)
    if route == "entur":
        answer = await EnturClient(shop.world).reserve({"offerId": found["offers"][0]["id"]}, order=booking.number)
    else:
        operation = add(found["id"]) if route == "native" else replace(await booking.lines(), found["id"])
        answer = await booking.change(operation)
    refused(answer, "NOT_OFFERED")
    assert booking.snapshot() == before


async def test_what_is_withdrawn_and_in_a_draft_is_confirmed(shop: Shop) -> None:
    product = shop.ticket()
    booking = await shop.basket()
    done(await booking.change(add(await shop.offer(product, "ann", on=shop.train()))))
    shop.alter(product, withdrawn=True)
    done(await booking.confirm(CARD))


async def test_sold_lines_of_a_withdrawn_product_may_be_named_given_up_and_returned_to(shop: Shop) -> None:
    train, product = shop.train(), shop.ticket()
    booking = await shop.sell(product, "ann", "bob", on=train)
    before, lines = booking.snapshot(), (await booking.show())["lines"]
    bundle = await shop.offer(product, "ann", on=train)
    shop.alter(product, withdrawn=True)
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), shop.train()))
    done(await booking.change(replace(await booking.lines("ann"), bundle)))
    assert await as_confirmed(booking, before, lines)
    done(await booking.do("one go", name("ann", given_name="Ann")))
    done(await booking.do("draft", remove(await booking.line("bob")), **REFUND))


async def test_a_withdrawn_meal_is_given_up_by_an_exchange_and_not_sold(shop: Shop) -> None:
    code = shop.supplement("60.00")
    product, train = shop.ticket("299.00", supplements=(code,)), shop.train()
    booking = await shop.sell(product, "ann", on=train, extras=(code,))
    shop.alter_supplement(code, withdrawn=True)
    refused(await booking.change(extras(await booking.line(), code)), "NOT_OFFERED", "SUPPLEMENT_NOT_OFFERED")
    done(
        await booking.exchange(
            "native", ("ann",), shop.ticket("299.00", supplements=(code,)), shop.train(), refund=True
        )
    )
    assert (await booking.carries(), await booking.balance()) == ([], "-60.00")


async def test_a_supplement_priced_in_another_currency_is_no_failure(shop: Shop) -> None:
    code = shop.supplement("60.00")
    product, train = shop.ticket("299.00", supplements=(code,)), shop.train()
    booking = await shop.sell(product, "ann", on=train)
    before = booking.snapshot()
    shop.alter_supplement(code, price=Money(6000, "CHF"))
    answer = await booking.change(extras(await booking.line(), code))
    assert (400 <= answer.status < 500, booking.snapshot()) == (True, before), answer.body
