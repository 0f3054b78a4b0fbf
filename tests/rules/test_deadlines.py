"""Deadlines (T2): a draft never outlives what it may still do."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.terms import ReturnableUntil, SoldUntil
from tests.rules.shop import SOON, Shop, add, done, extras, instant, name, refused, remove
from tests.support.entur_client import EnturClient
from tests.support.world import CARD, Answer, World

pytestmark = pytest.mark.rules

WAYS = pytest.mark.parametrize("way", ["draft", "one go"])
ROUTES = pytest.mark.parametrize("route", ["native", "entur"])
WAYS_IN = pytest.mark.parametrize("way", ["change", "payment"])
GIVING_UP = pytest.mark.parametrize("kind", ["removal", "exchange", "meal taken off"])


async def test_a_deadline_moves_back_when_the_line_that_set_it_is_taken_out(shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train())
    soon = shop.train(SOON)
    done(await booking.change(add(await shop.offer(shop.ticket(), "bob", on=soon))))
    assert instant((await booking.show())["expires_at"]) <= shop.departs_at(soon)
    done(await booking.change(name("ann", given_name="Ann")))
    assert instant((await booking.show())["expires_at"]) <= shop.departs_at(soon)
    done(await booking.change(remove(await booking.line("bob"))))
    assert instant((await booking.show())["expires_at"]) > shop.departs_at(soon) + timedelta(minutes=8)


@pytest.mark.parametrize("earlier", ["name", "removal", "addition"])
@WAYS_IN
async def test_a_draft_whose_time_is_over_takes_no_change_that_would_end_with_it(
    shop: Shop, earlier: str, way: str
) -> None:
    train = shop.train()
    booking = await shop.sell(shop.ticket(), "ann", "bob", on=train)
    cat = await shop.offer(shop.ticket(), "cat", on=train)
    first = {
        "name": name("ann", given_name="Anne"),
        "removal": remove(await booking.line("ann")),
        "addition": add(cat),
    }[earlier]
    done(await booking.change(first, refund_price_difference=True))
    before = booking.snapshot()
    dan = await shop.offer(shop.ticket(), "dan", on=shop.train())
    shop.depart(train)
    answer = await (booking.pay("299.00") if way == "payment" else booking.change(add(dan)))
    problem = refused(answer, "SERVICE_DEPARTED")
    assert any("line" in error for error in problem["errors"])
    assert booking.snapshot() == before


async def test_the_earlier_of_the_deadline_asked_for_and_the_departure_holds(world: World, shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train())
    done(await booking.change(extras(await booking.line(), "MEAL")))
    far = (shop.now + timedelta(days=9)).replace(microsecond=0)
    done(await world.send("PATCH", f"/v1/orders/{booking.number}", {"expires_at": far.isoformat()}))
    soon = shop.train(SOON)
    done(await booking.change(add(await shop.offer(shop.ticket(), "bob", on=soon))))
    assert instant((await booking.show())["expires_at"]) <= shop.departs_at(soon)
    done(await booking.change(remove(await booking.line("bob"))))
    assert instant((await booking.show())["expires_at"]) == far


@pytest.mark.parametrize("kind", ["removal", "sale"])
async def test_a_later_deadline_than_the_lines_allow_is_refused_and_an_earlier_one_is_not(
    world: World, shop: Shop, kind: str
) -> None:
    train = shop.train(timedelta(hours=2))
    booking = await shop.sell(shop.ticket(), "ann", on=train if kind == "removal" else shop.train())
    operation = (
        remove(await booking.line()) if kind == "removal" else add(await shop.offer(shop.ticket(), "bob", on=train))
    )
    done(await booking.change(operation, refund_price_difference=True))

    async def ask(moment: datetime) -> Answer:
        return await world.send("PATCH", f"/v1/orders/{booking.number}", {"expires_at": moment.isoformat()})

    done(await ask(shop.departs_at(train) - timedelta(minutes=1)))
    before = (await booking.show())["expires_at"]
    problem = refused(await ask(shop.departs_at(train) + timedelta(minutes=1)), "DEADLINE_TOO_LATE")
    assert any("line" in error for error in problem["errors"])
    assert shop.departs_at(train).isoformat()[:16] in str(problem)
    assert (await booking.show())["expires_at"] == before


async def test_a_line_without_a_limit_sets_no_deadline(world: World, shop: Shop) -> None:
    always: dict[str, Any] = {
        "returnable_until": ReturnableUntil.ALWAYS,
        "sold_until": SoldUntil.ALWAYS,
        "validity": "PT24H",
    }
    long_ago = (shop.now - timedelta(days=400)).isoformat()
    booking = await shop.sell(shop.card(**always), "ann", valid_from=long_ago)
    done(await booking.change(remove(await booking.line()), refund_price_difference=True))
    far = (shop.now + timedelta(days=100)).replace(microsecond=0)
    done(await world.send("PATCH", f"/v1/orders/{booking.number}", {"expires_at": far.isoformat()}))
    assert instant((await booking.show())["expires_at"]) == far
    done(await booking.confirm())


async def test_six_months_are_calendar_months(world: World, shop: Shop) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train(timedelta(days=360)))
    done(await booking.change(extras(await booking.line(), "MEAL")))
    now = shop.now
    year, month = divmod(now.year * 12 + now.month - 1 + 6, 12)
    last = now.replace(year=year, month=month + 1, day=min(now.day, 28), microsecond=0)

    async def ask(moment: datetime) -> Answer:
        return await world.send("PATCH", f"/v1/orders/{booking.number}", {"expires_at": moment.isoformat()})

    done(await ask(last - timedelta(minutes=1)))
    refused(await ask(last + timedelta(days=5)), "MEMBER_INVALID")


@pytest.mark.parametrize("way", ["discarded", "expired"])
async def test_a_confirm_after_a_draft_that_ended_otherwise_says_so(shop: Shop, way: str) -> None:
    booking = await shop.sell(shop.ticket(), "ann", on=shop.train())
    done(await booking.confirm())
    done(await booking.change(extras(await booking.line(), "MEAL")))
    if way == "discarded":
        done(await booking.discard())
    else:
        await booking.wait()
    before = booking.snapshot()
    assert way in str(refused(await booking.confirm(CARD), "DRAFT_ENDED"))
    confirmed = done(await EnturClient(shop.world).confirm(booking.number))
    assert (confirmed["status"], booking.snapshot()) == ("CONFIRMED", before)
    done(await booking.change(extras(await booking.line(), "MEAL")))
    done(await booking.confirm(CARD))
    done(await booking.confirm())
