"""A refund that one card refuses goes to the others; what none takes is a case until it is paid by hand."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from cli.faults.injection import Fault
from store import erasure
from store.tables import LedgerRow
from temporal.names import StepName
from tests.support.auth import with_authentication
from tests.support.canary import ADULT, THIRD
from tests.support.refunds_owed import REASON, REFUSES, cancel, order_owing, paid_with, pay_out
from tests.support.watched_bank import WatchedBank
from tests.support.world import CARD, TENANT, Answer, Json, World, add, replace

CALLS = [("refund", 1), ("find", 1), ("find", 1), ("refund", 2)]


@pytest.fixture(params=["embedded", "external"])
def shop(world: World, bank_installation: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """The installation with the embedded payment provider, or with an external bank."""
    chosen = world if request.param == "embedded" else bank_installation
    yield chosen
    chosen.faults.clear()


def entries(shop: World, order: str, *kinds: str) -> list[tuple[str, int]]:
    """Return the ledger's entries of some kinds."""
    with shop.components.store.read() as tx:
        of_order = (LedgerRow.order_number == order, col(LedgerRow.kind).in_(kinds))
        return sorted((row.kind, row.amount_minor) for row in tx.exec(select(LedgerRow).where(*of_order)))


async def events_of(shop: World, order: str, kind: str) -> list[Json]:
    events = (await shop.send("GET", f"/v1/orders/{order}/history")).body["events"]
    return [event["data"] for event in events if event["type"] == kind]


async def owing(shop: World, order: str) -> list[tuple[str, str]]:
    """Return what the attention list says the order owes."""
    listed = (await shop.send("GET", "/v1/attention")).body["refunds_owed"]
    return [(each["amount"], each["currency"]) for each in listed if each["order"] == order]


def money(shown: Json) -> tuple[str, ...]:
    return tuple(shown[name] for name in ("total", "paid", "balance", "refund_owed"))


async def test_a_refund_that_the_newest_card_refuses_goes_whole_to_the_other(shop: World) -> None:
    order = await paid_with(shop, CARD, REFUSES)
    cheap = await shop.offer("standard", ADULT, service=shop.train())
    change = replace(await shop.lines(order), cheap)
    answer = await shop.change(order, change, confirm=True, refund_price_difference=True)
    assert (answer.status, answer.body["warnings"]) == (200, [])
    assert entries(shop, order, "refund", "owe") == [("refund", 5000)]
    assert money(await shop.show(order)) == ("349.00", "349.00", "0.00", "0.00")
    (declined,) = await events_of(shop, order, "refund_declined")
    assert (declined["amount"], declined["currency"]) == ("50.00", "NOK")
    assert await owing(shop, order) == []


async def test_what_no_card_takes_is_a_case_until_it_is_paid_by_hand(shop: World) -> None:
    order = await paid_with(shop, REFUSES, CARD)
    answer = await cancel(shop, order)
    assert answer.status == 200
    (warning,) = answer.body["warnings"]
    assert (warning["code"], warning["amount"]) == ("REFUND_OWED", "249.00")
    assert answer.body["order"]["refund_owed"] == "249.00"
    assert entries(shop, order, "refund", "owe") == [("owe", 24900), ("refund", 10000)]
    shown = await shop.show(order)
    assert (shown["status"], *money(shown)) == ("cancelled", "50.00", "50.00", "0.00", "249.00")
    assert await owing(shop, order) == [("249.00", "NOK")]
    case = (await shop.send("GET", f"/v1/orders/{order}/attention")).body
    assert (case["step"], case["refund_owed"]["amount"], case["refund_owed"]["change"]) == (
        None,
        "249.00",
        answer.change,
    )
    differs = await pay_out(shop, order, amount="299.00")
    assert (differs.status, differs.code) == (409, "PAYOUT_DIFFERS")
    assert differs.body["errors"] == [{"amount": "249.00", "currency": "NOK"}]
    for _ in range(2):
        done = await pay_out(shop, order, "once")
        assert (done.status, done.body["kind"], done.body["order"]["refund_owed"]) == (200, "payout", "0.00")
    assert entries(shop, order, "payout") == [("payout", 24900)]
    assert money(await shop.show(order)) == ("50.00", "50.00", "0.00", "0.00")
    assert await owing(shop, order) == []
    assert (await shop.send("GET", f"/v1/orders/{order}/attention")).code == "NOTHING_STUCK"
    (paid,) = await events_of(shop, order, "refund_paid_by_hand")
    assert paid == {"amount": "249.00", "currency": "NOK", "actor": "local"}
    assert (await shop.send("GET", f"/v1/changes/{done.change}")).body["reason"] == REASON
    again = await pay_out(shop, order)
    assert (again.status, again.code) == (409, "NOTHING_TO_PAY_OUT")


async def test_a_refund_that_every_card_refuses_changes_nothing(shop: World) -> None:
    order = await paid_with(shop, REFUSES, REFUSES)
    before = shop.snapshot(order)
    answer = await cancel(shop, order)
    assert (answer.status, answer.code) == (409, "REFUND_REFUSED")
    assert shop.snapshot(order) == before
    assert entries(shop, order, "refund", "owe") == []
    assert await owing(shop, order) == []
    # Without a refund the same change is possible.
    removal = {"op": "remove_lines", "lines": await shop.lines(order)}
    kept = await shop.change(order, removal, confirm=True, refund_price_difference=False)
    assert kept.status == 200


async def owing_with_a_line_left(shop: World) -> str:
    """Return a confirmed order with one line that owes 249.00: of its three cards only one takes a refund."""
    order = await paid_with(shop, REFUSES, CARD)
    (line,) = await shop.lines(order)
    bundle = await shop.offer("standard", THIRD, service=shop.train())
    added = await shop.change(order, add(bundle, THIRD), confirm=True, payment=REFUSES)
    assert added.status == 200, added.body
    removal = {"op": "remove_lines", "lines": [line]}
    removed = await shop.change(order, removal, confirm=True, refund_price_difference=True)
    assert [each["amount"] for each in removed.body["warnings"]] == ["249.00"]
    assert money(await shop.show(order)) == ("349.00", "349.00", "0.00", "249.00")
    return order


async def dearer(shop: World, order: str, **more: Any) -> Answer:
    """Exchange the line that is left: 50.00 and a fee of 50.00 more."""
    bundle = await shop.offer("flexible", THIRD, service=shop.train())
    return await shop.change(order, replace(await shop.lines(order), bundle), **more)


async def test_a_refund_owed_pays_for_nothing_and_no_later_change_pays_it_back(shop: World) -> None:
    order = await owing_with_a_line_left(shop)
    unpaid = await dearer(shop, order, confirm=True)
    assert (unpaid.status, unpaid.code) == (409, "BALANCE_NOT_ZERO")
    assert (await dearer(shop, order, confirm=True, payment=CARD)).status == 200
    assert money(await shop.show(order)) == ("449.00", "449.00", "0.00", "249.00")
    # Back to the cheaper fare: the 50.00 go to the newest card, and the 249.00 are still owed.
    bundle = await shop.offer("standard", THIRD, service=shop.train())
    back = await shop.change(
        order, replace(await shop.lines(order), bundle), confirm=True, refund_price_difference=True
    )
    assert (back.status, back.body["warnings"]) == (200, [])
    assert money(await shop.show(order)) == ("399.00", "399.00", "0.00", "249.00")
    assert entries(shop, order, "refund", "owe") == [("owe", 24900), *[("refund", 5000)] * 3]
    assert (await pay_out(shop, order)).status == 200


async def test_a_payout_leaves_an_open_draft_as_it_is(shop: World) -> None:
    order = await owing_with_a_line_left(shop)
    assert (await dearer(shop, order)).status == 200
    before = await shop.show(order)
    assert (await pay_out(shop, order)).status == 200
    after = await shop.show(order)
    assert (after["draft"]["version"], after["lines"]) == (before["draft"]["version"], before["lines"])
    assert money(after) == ("449.00", "349.00", "100.00", "0.00")
    assert (await shop.confirm(order, CARD)).status == 200
    assert money(await shop.show(order)) == ("449.00", "449.00", "0.00", "0.00")


async def test_an_order_that_owes_a_refund_is_not_erased(world: World) -> None:
    order = await order_owing(world)
    store = world.components.store
    later = store.now() + timedelta(days=400)
    with pytest.raises(erasure.NotEndedError), store.write() as tx:
        erasure.erase(tx, TENANT, order, later)
    assert (await pay_out(world, order)).status == 200
    await world.wait_for_end(order)
    with store.write() as tx:
        assert erasure.erase(tx, TENANT, order, later) == 1


@pytest.mark.faults
@pytest.mark.parametrize("fault", [Fault.LOST, Fault.TWICE, Fault.AT_ONCE, Fault.FLAKY])
async def test_a_settling_step_that_fails_passes_a_refund_on_once(shop: World, fault: Fault) -> None:
    order = await paid_with(shop, REFUSES, CARD)
    shop.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, fault)
    answer = await cancel(shop, order)
    assert (answer.status, [each["code"] for each in answer.body["warnings"]]) == (200, ["REFUND_OWED"])
    assert entries(shop, order, "refund", "owe") == [("owe", 24900), ("refund", 10000)]
    assert len(await events_of(shop, order, "refund_declined")) == 1


async def test_the_bank_s_own_records_agree_and_a_lost_answer_is_asked_for_again(
    bank_installation: World, bank: WatchedBank
) -> None:
    order = await paid_with(bank_installation, REFUSES, CARD)
    lost: set[str] = set()

    def lose(call: str) -> None:
        if call not in lost:
            lost.add(call)
            raise ConnectionError

    bank.before_answer = lose
    try:
        answer = await cancel(bank_installation, order)
    finally:
        bank.before_answer = lambda _call: None
    assert answer.status == 200
    key = f"{answer.change}/settle_price_difference"
    # The refund was made, and its answer lost, then that of the look-up. The other card declines by an answer.
    assert [each for each in bank.calls if key in each] == [f"{call} {key}/{number}" for call, number in CALLS]
    assert bank.book.requests()[f"{key}/1"].minor == 10000


async def test_above_the_limit_a_second_person_states_the_payout(world: World) -> None:
    order = await order_owing(world)
    async with with_authentication(world) as authenticated:
        al, bo = authenticated.client(), authenticated.client()
        first = await pay_out(al.world, order)
        assert (first.status, first.code) == (409, "SECOND_PERSON_NEEDED")
        case = (await bo.world.send("GET", f"/v1/orders/{order}/attention")).body["refund_owed"]
        assert [(each["actor"], each["reason"]) for each in case["statements"]] == [(al.name, REASON)]
        assert (await pay_out(al.world, order)).code == "SECOND_PERSON_NEEDED"
        assert (await pay_out(bo.world, order, reason="seen in the bank's list")).status == 200
        stated = [(each["action"], each["actor"]) for each in await events_of(bo.world, order, "operator_request")]
        assert stated == [("payout", al.name), ("payout", al.name), ("payout", bo.name)]
        (paid,) = await events_of(bo.world, order, "refund_paid_by_hand")
        assert (paid["actor"], paid["confirmed_by"]) == (bo.name, [al.name])
