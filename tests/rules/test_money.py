"""Money (M1 to M5, M8): groups with their decision, what is kept, and what is set aside."""

from decimal import Decimal
from typing import Any

import pytest

from tests.rules.shop import Booking, Shop, add, done, extras, name, refused, remove, replace, warnings
from tests.support.entur_client import EnturClient
from tests.support.world import CARD

pytestmark = pytest.mark.rules

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])
ROUTES = pytest.mark.parametrize("route", ["native", "entur"])
WORDS = pytest.mark.parametrize("word", [True, False])
REFUND: dict[str, Any] = {"refund_price_difference": True}
KEEP: dict[str, Any] = {"refund_price_difference": False}


async def balance_and_kept(booking: Booking) -> tuple[str, list[str]]:
    return await booking.balance(), await booking.kept()


# Groups


@ROUTES
@pytest.mark.parametrize("then", ["meal", "name", "ticket"])
async def test_a_refund_stays_a_refund_whatever_is_done_next(shop: Shop, route: str, then: str) -> None:
    train = shop.train()
    booking = await shop.sell(shop.compartment("1196.00"), "ann", on=train)
    done(await booking.exchange(route, ("ann",), shop.ticket("299.00"), train, refund=True))
    assert await booking.balance() == "-897.00"
    match then:
        case "meal":
            done(await booking.change(extras(await booking.line(), "MEAL")))
        case "name":
            done(await booking.change(name("ann", given_name="Ann")))
        case _:
            done(await booking.change(add(await shop.offer(shop.ticket("299.00"), "bob", on=train))))
    expected = {"meal": "-808.00", "name": "-897.00", "ticket": "-598.00"}[then]
    assert await balance_and_kept(booking) == (expected, [])
    done(await booking.confirm())
    assert sum(amount for _, amount in booking.ledger("refund")) == -int(expected.replace(".", ""))


@ROUTES
async def test_what_is_kept_pays_for_nothing_else(shop: Shop, route: str) -> None:
    train, product = shop.train(), shop.ticket("299.00")
    booking = await shop.sell(shop.compartment("1196.00"), "ann", on=train)
    done(await booking.exchange(route, ("ann",), product, train, refund=False))
    assert await balance_and_kept(booking) == ("0.00", ["897.00"])
    two = [await shop.offer(product, who, on=train) for who in ("bob", "cat")]
    done(await booking.change(*map(add, two)))
    assert await balance_and_kept(booking) == ("598.00", ["897.00"])
    done(await booking.change(extras(await booking.line("ann"), "MEAL")))
    assert await balance_and_kept(booking) == ("687.00", ["897.00"])
    done(await booking.confirm(CARD))
    assert booking.ledger("capture")[-1:] == [("capture", 687_00)]


@WAYS
async def test_all_replacements_of_a_request_are_one_group(shop: Shop, way: str) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00", child="149.50"), "ann", "kid", on=train)
    cheaper, dearer = shop.ticket("249.00"), shop.ticket("349.00", child="174.50")
    adult = replace(await booking.lines("ann"), await shop.offer(cheaper, "ann", on=train))
    child = replace(await booking.lines("kid"), await shop.offer(dearer, "kid", on=train))
    quote = done(await booking.quote(adult, child, **KEEP))
    assert (quote["balance"], quote["not_refundable"]) == ("0.00", "25.00")
    done(await booking.do(way, adult, child, **KEEP))
    assert await balance_and_kept(booking) == ("0.00", ["25.00"])


async def test_enturs_configurations_of_a_request_are_one_group(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00", child="149.50"), "ann", "kid", on=train)
    cheaper, dearer = shop.ticket("249.00"), shop.ticket("349.00", child="174.50")
    sent = [
        {"offerId": await shop.enturs_offer(product, who, on=train), "orderLineId": await booking.line(who)}
        for product, who in ((cheaper, "ann"), (dearer, "kid"))
    ]
    done(await EnturClient(shop.world).update(booking.number, *sent))
    assert await balance_and_kept(booking) == ("0.00", ["25.00"])


async def test_replacements_of_two_requests_are_two_groups(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00", child="149.50"), "ann", "kid", on=train)
    done(await booking.exchange("native", ("ann",), shop.ticket("249.00"), train, refund=False))
    done(await booking.exchange("native", ("kid",), shop.ticket("349.00", child="174.50"), train))
    assert await balance_and_kept(booking) == ("25.00", ["50.00"])


async def test_a_meal_taken_off_has_its_own_decision(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", on=train, extras=("MEAL",))
    done(await booking.exchange("native", ("ann",), shop.ticket("249.00"), train, refund=False))
    done(await booking.change(remove(*await booking.extras()), **REFUND))
    assert await balance_and_kept(booking) == ("-89.00", ["50.00"])
    done(await booking.confirm())
    assert booking.ledger("refund") == [("refund", 89_00)]


async def test_a_removal_and_an_exchange_decided_differently_stay_apart(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", "bob", on=train)
    done(await booking.change(remove(await booking.line("bob")), **REFUND))
    done(await booking.exchange("native", ("ann",), shop.ticket("249.00"), train, refund=False))
    assert await balance_and_kept(booking) == ("-299.00", ["50.00"])
    done(await booking.exchange("native", ("ann",), shop.ticket("199.00"), train, refund=True))
    assert await balance_and_kept(booking) == ("-399.00", [])


@ROUTES
async def test_a_later_request_decides_about_a_group_it_joins_by_whatever_id(shop: Shop, route: str) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("349.00"), "ann", on=train)
    for price, word, expected in (
        ("299.00", False, ("0.00", ["50.00"])),
        ("249.00", None, ("0.00", ["100.00"])),
        ("199.00", True, ("-150.00", [])),
        ("249.00", None, ("-100.00", [])),
        ("399.00", None, ("50.00", [])),
        ("149.00", False, ("0.00", ["200.00"])),
    ):
        done(await booking.exchange(route, ("ann",), shop.ticket(price), train, refund=word))
        assert await balance_and_kept(booking) == expected


async def test_groups_that_come_together_with_different_words_are_paid_back(shop: Shop) -> None:
    train, other = shop.train(), shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", "bob", on=train)
    done(await booking.exchange("native", ("ann",), shop.ticket("249.00"), train, refund=False))
    done(await booking.exchange("native", ("bob",), shop.ticket("249.00"), train, refund=True))
    assert await balance_and_kept(booking) == ("-50.00", ["50.00"])
    done(await booking.exchange("native", ("ann", "bob"), shop.ticket("249.00"), other))
    assert await balance_and_kept(booking) == ("-100.00", [])


@WORDS
async def test_a_fee_is_part_of_the_sum_of_its_group(shop: Shop, *, word: bool) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("33.33", fee="5.00"), "ann", on=train)
    done(await booking.exchange("native", ("ann",), shop.ticket("30.00"), train, refund=word))
    assert await balance_and_kept(booking) == ("1.67", [])
    done(await booking.confirm(CARD))
    assert booking.ledger("capture")[-1:] == [("capture", 1_67)]


async def test_removing_one_thing_and_adding_another_is_no_exchange_and_the_quote_says_so(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", on=train)
    operations = remove(await booking.line()), add(await shop.offer(shop.ticket("299.00"), "bob", on=train))
    quote = done(await booking.quote(*operations, **KEEP))
    assert (quote["balance"], quote["not_refundable"]) == ("299.00", "299.00")
    assert "EXCHANGE_IS_CHEAPER" in {each["code"] for each in quote["warnings"]}
    exchange = replace([await booking.line()], await shop.offer(shop.ticket("299.00"), "bob", on=train))
    quote = done(await booking.quote(exchange, **KEEP))
    assert (quote["balance"], quote["warnings"]) == ("0.00", [])


# Who decides


@pytest.mark.parametrize("kind", ["removal", "exchange", "meal", "product without meals"])
@WAYS
async def test_a_native_change_that_leaves_a_surplus_must_say_what_happens_with_it(
    shop: Shop, way: str, kind: str
) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", "bob", on=train, extras=("MEAL",))
    line = await booking.line("ann")
    surplus, operation = {
        "removal": ("388.00", remove(line)),
        "exchange": ("50.00", replace([line], await shop.offer(shop.ticket("249.00"), "ann", on=train))),
        "meal": ("89.00", remove((await booking.extras("ann"))[0])),
        "product without meals": (
            "89.00",
            replace([line], await shop.offer(shop.ticket("299.00", supplements=()), "ann", on=train)),
        ),
    }[kind]
    before = booking.snapshot()
    problem = refused(await booking.do(way, operation), "REFUND_UNDECIDED")
    assert surplus in str(problem)
    assert booking.snapshot() == before
    quote = done(await booking.quote(operation))
    assert quote["undecided"] == surplus
    done(await booking.do(way, operation, **REFUND))
    assert sum(amount for _, amount in booking.ledger("refund")) == int(surplus.replace(".", ""))


async def test_fees_unconfirmed_lines_and_other_groups_need_no_word(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00", fee="300.00"), "ann", "bob", on=train)
    done(await booking.change(remove(await booking.line("bob"))))
    assert await balance_and_kept(booking) == ("0.00", [])
    done(await booking.change(add(await shop.offer(shop.ticket("299.00"), "cat", on=train), "MEAL")))
    done(await booking.change(remove(*await booking.extras("cat"))))
    done(await booking.exchange("native", ("cat",), shop.ticket("99.00"), train))
    done(await booking.change(remove(await booking.line("cat"))))
    done(await booking.change(name("ann", given_name="Ann")))
    assert await balance_and_kept(booking) == ("0.00", [])


async def test_before_the_first_confirmation_nobody_decides(shop: Shop) -> None:
    booking, train = await shop.basket(), shop.train()
    done(await booking.change(add(await shop.offer(shop.ticket("349.00"), "ann", "bob", on=train), "MEAL")))
    done(await booking.exchange("native", ("ann",), shop.ticket("99.00"), train))
    done(await booking.change(remove(await booking.line("bob"))))
    assert await balance_and_kept(booking) == ("188.00", [])


# Fees


@pytest.mark.parametrize("way", ["draft", "one go"])
async def test_a_fee_is_at_most_the_line_s_price(shop: Shop, way: str) -> None:
    train, cheap = shop.train(), shop.ticket("20.00", fee="50.00")
    booking = await shop.sell(cheap, "ann", "bob", on=train)
    done(await booking.do(way, remove(await booking.line("bob")), **REFUND))
    assert (booking.ledger("refund"), await booking.balance()) == ([], "0.00")
    done(
        await booking.do(way, replace([await booking.line()], await shop.offer(shop.ticket("349.00"), "ann", on=train)))
    )
    assert booking.ledger("capture") == [("capture", 40_00), ("capture", 349_00)]


async def test_a_line_that_cost_nothing_has_no_fee(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("0.00", fee="50.00"), "ann", on=train)
    done(await booking.do("draft", remove(await booking.line())))
    assert ((await booking.show())["fees"], booking.ledger("capture")) == ([], [])


async def test_what_is_kept_is_split_over_the_rates_it_came_from(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", on=train, extras=("MEAL",))
    done(await booking.change(remove(await booking.line()), **KEEP))
    shown = await booking.show()
    fees = sorted((fee["amount"], fee["tax"]) for fee in shown["fees"])
    assert fees == [("299.00", "32.04"), ("89.00", "11.61")]
    done(await booking.discard())
    bus = shop.ticket("249.00", supplements=(), tax_rate=Decimal("0.15"))
    done(await booking.exchange("native", ("ann",), bus, train, refund=False))
    assert await balance_and_kept(booking) == ("0.00", ["139.00"])


# What is confirmed with what


@pytest.mark.parametrize("kind", ["meal", "name", "removal"])
async def test_a_change_in_one_go_does_not_confirm_somebody_else_s_draft(shop: Shop, kind: str) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", "bob", on=train)
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), train))
    before, ledger = booking.snapshot(), booking.ledger()
    operation = {
        "meal": extras(await booking.line("bob"), "MEAL"),
        "name": name("bob", given_name="Bob"),
        "removal": remove(await booking.line("bob")),
    }[kind]
    refused(await booking.do("one go", operation, **REFUND), "DRAFT_OPEN")
    assert (booking.snapshot(), booking.ledger()) == (before, ledger)
    etag = (await shop.world.send("GET", f"/v1/orders/{booking.number}")).headers["etag"]
    done(await booking.do("one go", operation, If_Match=etag, **REFUND))
    assert (await booking.show())["status"] == "confirmed"


async def test_an_order_never_confirmed_is_one_basket(shop: Shop) -> None:
    booking, train = await shop.basket(), shop.train()
    for who in ("ann", "bob"):
        done(await booking.change(add(await shop.offer(shop.ticket("299.00"), who, on=train))))
    done(await booking.do("one go", extras(await booking.line("ann"), "MEAL")))
    assert booking.ledger("capture") == [("capture", 687_00)]


@pytest.mark.parametrize(("limit", "accepted"), [("99.99", False), ("100.00", True), ("1000.00", True)])
@WAYS
async def test_a_request_takes_no_more_than_its_limit(shop: Shop, way: str, limit: str, *, accepted: bool) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00", fee="50.00"), "ann", on=train)
    operation = replace(await booking.lines(), await shop.offer(shop.ticket("349.00"), "ann", on=train))
    before: Any = booking.snapshot()
    if way == "one go":
        answer = await booking.do(way, operation, at_most=limit)
    else:
        done(await booking.change(operation))
        before = booking.snapshot()
        answer = await booking.confirm(CARD, at_most=limit)
    if accepted:
        done(answer)
        assert booking.ledger("capture")[-1:] == [("capture", 100_00)]
    else:
        assert "100.00" in str(refused(answer, "PRICE_ABOVE_LIMIT"))
        assert (booking.snapshot(), len(booking.ledger("capture"))) == (before, 1)


async def test_a_limit_counts_beyond_what_is_set_aside_and_may_ask_for_something_back(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", on=train)
    done(await booking.exchange("native", ("ann",), shop.ticket("399.00"), train))
    done(await booking.pay("60.00"))
    refused(await booking.confirm(CARD, at_most="39.99"), "PRICE_ABOVE_LIMIT")
    done(await booking.confirm(CARD, at_most="40.00"))
    cheaper = replace(await booking.lines(), await shop.offer(shop.ticket("299.00"), "ann", on=train))
    refused(await booking.do("one go", cheaper, at_most="-100.01", **REFUND), "PRICE_ABOVE_LIMIT")
    done(await booking.do("one go", cheaper, at_most="-100.00", **REFUND))


# What is set aside


async def test_what_is_set_aside_beyond_what_is_owed_is_let_go_at_the_way_back(shop: Shop) -> None:
    train, product = shop.train(), shop.ticket("249.00")
    booking = await shop.sell(product, "ann", "bob", on=train)
    lines = await booking.lines()
    done(await booking.change(replace(lines, await shop.offer(shop.compartment("1196.00"), "ann", "bob", on=train))))
    done(await booking.pay("698.00"))
    assert await booking.balance() == "0.00"
    done(await booking.change(replace(await booking.lines(), await shop.offer(product, "ann", "bob", on=train))))
    shown = await booking.show()
    assert (shown["balance"], shown["draft"], shown["paid"], await booking.lines()) == ("0.00", None, "498.00", lines)
    assert booking.ledger("void", "refund") == [("void", 698_00)]
    done(await booking.confirm())


async def test_what_is_set_aside_counts_only_up_to_what_is_owed(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", on=train)
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), train))
    done(await booking.pay("50.00"))
    cheaper = replace(await booking.lines(), await shop.offer(shop.ticket("199.00"), "ann", on=train))
    quote = done(await booking.quote(cheaper, **KEEP))
    assert (quote["balance"], quote["to_release"]) == ("0.00", "50.00")
    done(await booking.change(cheaper, **KEEP))
    assert await balance_and_kept(booking) == ("0.00", ["100.00"])
    refused(await booking.pay("0.01"), "PAYMENT_TOO_HIGH")
    done(await booking.confirm())
    assert (booking.ledger("capture"), booking.ledger("void")) == ([("capture", 299_00)], [("void", 50_00)])


async def test_with_a_refund_what_is_set_aside_is_let_go_and_not_paid_back(shop: Shop) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket("299.00"), "ann", on=train)
    done(await booking.exchange("native", ("ann",), shop.ticket("349.00"), train))
    done(await booking.pay("50.00"))
    done(await booking.exchange("native", ("ann",), shop.ticket("199.00"), train, refund=True))
    assert await balance_and_kept(booking) == ("-100.00", [])
    done(await booking.confirm())
    assert (booking.ledger("refund"), booking.ledger("void")) == ([("refund", 100_00)], [("void", 50_00)])
    assert shop.world.at_most_once(booking.number)


@WAYS
@WORDS
async def test_what_is_confirmed_is_what_was_quoted(shop: Shop, way: str, *, word: bool) -> None:
    train = shop.train()
    for kinds in (("exchange", "removal"), ("exchange",), ("removal",), ("exchange", "meal")):
        booking = await shop.sell(shop.ticket("299.00", fee="50.00"), "ann", "bob", on=train, extras=("MEAL",))
        operations = {
            "exchange": replace(
                await booking.lines("ann"), await shop.offer(shop.ticket("349.00"), "ann", on=shop.train())
            ),
            "removal": remove(await booking.line("bob")),
            "meal": remove(*await booking.extras("bob")),
        }
        sent, paid = [operations[kind] for kind in kinds], (await booking.show())["paid"]
        quote = done(await booking.quote(*sent, refund_price_difference=word))
        done(await booking.do(way, *sent, refund_price_difference=word))
        assert _difference((await booking.show())["paid"], paid) == quote["balance"]


def _difference(after: str, before: str) -> str:
    minor = int(after.replace(".", "")) - int(before.replace(".", ""))
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


# Tax


@pytest.mark.parametrize(
    ("currency", "price", "count", "rate", "base", "tax"),
    [("NOK", "99.00", 5, "0.22", "405.75", "89.25"), ("JPY", "105", 10, "0.1", "950", "100")],
)
async def test_tax_is_rounded_by_line_and_adds_up_per_rate(
    shop: Shop, currency: str, price: str, count: int, rate: str, base: str, tax: str
) -> None:
    product = shop.ticket(price, fee="0.00" if currency == "NOK" else "0", currency=currency, tax_rate=Decimal(rate))
    booking, train = await shop.basket(currency), shop.train()
    bundle = await shop.offer(product, "ann", on=train)
    operation = add(bundle, count=count)
    quote = done(await booking.quote(operation))
    assert quote["taxes"] == [{"rate": rate, "base": base, "tax": tax}]
    done(await booking.do("one go", operation))
    shown = await booking.show()
    assert (shown["taxes"], shown["tax"]) == ([{"rate": rate, "base": base, "tax": tax}], tax)


async def test_each_rate_is_listed_with_its_base_and_tax(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket("299.00"), "ann", on=shop.train(), extras=("MEAL",))
    taxes = {each["rate"]: (each["base"], each["tax"]) for each in (await booking.show())["taxes"]}
    assert taxes == {"0.12": ("266.96", "32.04"), "0.15": ("77.39", "11.61")}
    quote = done(await booking.quote(remove(*await booking.extras()), **REFUND))
    assert quote["taxes"] == [{"rate": "0.15", "base": "-77.39", "tax": "-11.61"}]


# Cards that refuse a refund

REFUSING: dict[str, Any] = {"method": "card", "token": "tok_refuse_refund"}


async def paid_by_two_cards(shop: Shop, first: dict[str, Any], second: dict[str, Any]) -> Booking:
    """Return a booking of 349.00, of which 299.00 were paid by one card and 50.00 by another."""
    train = shop.train()
    booking = await shop.basket()
    bundle = await shop.offer(shop.ticket("299.00"), "ann", on=train)
    done(await booking.do("one go", add(bundle), payment=first))
    dearer = replace(await booking.lines(), await shop.offer(shop.ticket("349.00"), "ann", on=train))
    done(await booking.do("one go", dearer, payment=second))
    return booking


async def test_a_refund_that_one_card_refuses_goes_to_the_other(shop: Shop) -> None:
    booking = await paid_by_two_cards(shop, CARD, REFUSING)
    cheaper = replace(await booking.lines(), await shop.offer(shop.ticket("249.00"), "ann", on=shop.train()))
    done(await booking.do("one go", cheaper, **REFUND))
    # The other card gets its own part, and then what the first has refused.
    parts = [("refund", 50_00), ("refund", 50_00)]
    assert (booking.ledger("refund"), (await booking.show())["paid"]) == (parts, "249.00")


async def test_what_no_card_takes_of_a_refund_is_still_due_to_the_customer(shop: Shop) -> None:
    booking = await paid_by_two_cards(shop, CARD, REFUSING)
    answer = await booking.do("one go", remove(await booking.line()), **REFUND)
    assert "REFUND_OWED" in warnings(answer)
    shown = await booking.show()
    assert (shown["status"], shown["refund_owed"], booking.ledger("refund")) == (
        "cancelled",
        "50.00",
        [("refund", 299_00)],
    )


async def test_a_refund_that_every_card_refuses_leaves_the_order_as_it_was(shop: Shop) -> None:
    booking = await paid_by_two_cards(shop, REFUSING, REFUSING)
    before = booking.snapshot()
    refused(await booking.do("one go", remove(await booking.line()), **REFUND), "REFUND_REFUSED")
    assert (booking.snapshot(), booking.ledger("refund")) == (before, [])
