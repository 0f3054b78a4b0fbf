"""Entur: update order lines. Consecutive changes stay consistent when one of them fails."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from cli.faults.injection import Fault
from domain.model import as_utc
from store.tables import LedgerRow
from temporal.names import StepName
from tests.support.canary import ADULT, CHILD
from tests.support.entur_client import EnturClient, new_key
from tests.support.world import Json


def config(offer: str, line: str, *together: str, **more: object) -> Json:
    """Return the configuration that replaces a line, or several, by an offer."""
    return {"offerId": offer, "orderLineId": line, "selectedOrderLineIds": list(together), **more}


def refunds(sales: EnturClient, order: str) -> list[int]:
    with sales.world.components.store.read() as tx:
        rows = tx.exec(select(LedgerRow).where(LedgerRow.order_number == order, LedgerRow.kind == "refund"))
        return [row.amount_minor for row in rows]


async def test_one_line_is_changed_in_a_draft_and_the_confirmed_seat_is_kept_until_it_is_confirmed(
    sales: EnturClient,
) -> None:
    order, (line,) = await sales.sold_in_three_calls(ADULT, product="flexible")
    seats = sales.world.seats_of(order)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    answer = await sales.update(order, config(offer, line, line))
    assert answer.body["replacedByOrderLineIds"] == [
        {"originalOrderLineIds": [line], "replacedByOrderLineIds": answer.body["orderLineIds"]}
    ]
    shown = await sales.show(order)
    assert (shown["status"], shown["version"], shown["balance"]) == ("DRAFT", 2, "0.00")
    assert set(seats) <= set(sales.world.seats_of(order))
    confirmed = await sales.confirm(order)
    assert (confirmed.status, confirmed.body["status"], confirmed.body["version"]) == (200, "CONFIRMED", 2)
    assert not set(seats) & set(sales.world.seats_of(order))


async def test_a_dearer_change_must_be_paid_before_it_can_be_confirmed(sales: EnturClient) -> None:
    order, (line,) = await sales.sold_in_three_calls(ADULT, product="standard")
    # 299.00 to 349.00 and the standard ticket's fee of 50.00.
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    await sales.update(order, config(offer, line))
    shown = await sales.show(order)
    assert (shown["balance"], [fee["type"] for fee in shown["fees"]]) == ("100.00", ["CHANGE"])
    refused = await sales.confirm(order)
    assert (refused.status, refused.code) == (409, "BALANCE_NOT_ZERO")
    assert (await sales.pay(order, "100.00")).status == 200
    assert (await sales.show(order))["balance"] == "0.00"
    done = await sales.confirm(order)
    assert (done.body["status"], done.body["version"], done.body["balance"]) == ("CONFIRMED", 2, "0.00")


@pytest.mark.parametrize("refund", [None, False])
async def test_a_cheaper_change_without_refund_keeps_the_difference_as_a_fee(
    sales: EnturClient, *, refund: bool | None
) -> None:
    order, (line,) = await sales.sold(ADULT, product="flexible")
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    await sales.update(order, config(offer, line), refund=refund)
    shown = await sales.show(order)
    (fee,) = shown["fees"]
    assert (shown["balance"], fee["type"], fee["price"]["amount"]) == ("0.00", "CHANGE_NON_REFUNDABLE", "50.00")
    assert (await sales.confirm(order)).body["status"] == "CONFIRMED"
    assert refunds(sales, order) == []


async def test_a_cheaper_change_with_refund_credits_once_at_the_confirmation(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT, product="flexible")
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    await sales.update(order, config(offer, line), refund=True)
    assert ((await sales.show(order))["balance"], refunds(sales, order)) == ("-50.00", [])
    done = await sales.confirm(order)
    assert (done.body["balance"], refunds(sales, order)) == ("0.00", [5000])
    again = await sales.confirm(order)
    assert (again.status, again.body, refunds(sales, order)) == (200, done.body, [5000])


async def test_a_change_of_a_change_is_priced_against_the_confirmed_version(sales: EnturClient) -> None:
    order, (first,) = await sales.sold(ADULT, product="standard")
    trains = [sales.world.train() for _ in range(3)]
    second = (await sales.update(order, config(await sales.offer("standard", ADULT, service=trains[0]), first))).body
    (second_line,) = second["orderLineIds"]
    held = sales.world.seats_of(order)
    by_original = await sales.update(order, config(await sales.offer("standard", ADULT, service=trains[1]), first))
    assert by_original.body["replacedByOrderLineIds"][0]["originalOrderLineIds"] == [first]
    shown = await sales.show(order)
    assert (shown["version"], shown["balance"], len(shown["fees"])) == (2, "50.00", 1)
    # The replaced draft line's seat is released at once, the confirmed line's is not.
    now = sales.world.seats_of(order)
    assert (len(held), len(now)) == (2, 2)
    assert len(set(held) & set(now)) == 1
    by_current = await sales.update(
        order, config(await sales.offer("standard", ADULT, service=trains[2]), by_original.body["orderLineIds"][0])
    )
    assert by_current.status == 200
    by_second = await sales.update(order, config(await sales.offer("standard", ADULT, service=trains[0]), second_line))
    assert (by_second.status, (await sales.show(order))["balance"]) == (200, "50.00")


async def test_changing_back_to_the_original_costs_nothing(sales: EnturClient) -> None:
    train = sales.world.train()
    order, (first,) = await sales.sold(ADULT, product="standard", train=train)
    await sales.update(order, config(await sales.offer("flexible", ADULT, service=sales.world.train()), first))
    await sales.update(order, config(await sales.offer("standard", ADULT, service=train), first))
    shown = await sales.show(order)
    assert (shown["balance"], shown["fees"], shown["totalAmount"]) == ("0.00", [], "299.00")


async def test_a_group_becomes_singles_and_singles_a_group(sales: EnturClient) -> None:
    train = sales.world.train()
    order, lines = await sales.sold(ADULT, CHILD, product="flexible", train=train)
    travellers = [{"id": ADULT}, {"id": CHILD}]
    group = await sales.update(order, config(await sales.offer_for("compartment", travellers, train), lines[0], *lines))
    (line,) = group.body["orderLineIds"]
    assert group.body["replacedByOrderLineIds"] == [
        {"originalOrderLineIds": sorted(lines), "replacedByOrderLineIds": [line]}
    ]
    singles = await sales.update(
        order,
        config(await sales.offer("standard", ADULT, service=train), line, line),
        config(await sales.offer("standard", CHILD, service=train), line, line),
    )
    assert singles.status == 200, singles.body
    (mapped,) = singles.body["replacedByOrderLineIds"]
    assert (mapped["originalOrderLineIds"], len(mapped["replacedByOrderLineIds"])) == ([line], 2)
    shown = await sales.show(order)
    assert [each["travellers"] for each in shown["orderLines"]] == [[ADULT], [CHILD]]
    # All offers are on one train: the order keeps its seats.
    assert len(sales.world.seats_of(order)) == 2


async def test_configurations_of_one_line_must_select_the_same_lines(sales: EnturClient) -> None:
    order, lines = await sales.sold(ADULT, CHILD)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    before = sales.world.snapshot(order)
    for configurations in (
        (config(offer, lines[0], lines[0]), config(offer, lines[0], *lines)),
        (config(offer, lines[0], lines[1]),),
    ):
        answer = await sales.update(order, *configurations)
        assert (answer.status, answer.code) == (400, "SELECTED_LINES_MISMATCH")
    overlap = await sales.update(order, config(offer, lines[0]), config(offer, lines[1], *lines))
    assert (overlap.status, overlap.code) == (400, "LINES_OVERLAP")
    assert sales.world.snapshot(order) == before


async def test_several_configurations_are_all_or_nothing(sales: EnturClient) -> None:
    order, lines = await sales.sold(ADULT, CHILD)
    free, full = sales.world.train(), sales.world.train(coaches=1, seats=1)
    await sales.sold(ADULT, train=full)
    before, seats = sales.world.snapshot(order), sales.world.seats_of(order)
    answer = await sales.update(
        order,
        config(await sales.offer("flexible", ADULT, service=free), lines[0]),
        config(await sales.offer("flexible", CHILD, service=full), lines[1]),
    )
    assert (answer.status, answer.code) == (409, "SOLD_OUT")
    assert (sales.world.snapshot(order), sales.world.seats_of(order)) == (before, seats)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (step, fault)
        for step in (StepName.RESERVE_SEATS, StepName.SWAP_OFFER_BUNDLE)
        for fault in (Fault.BROKEN, Fault.LOST_FOR_GOOD, Fault.LATE)
    ],
)
@pytest.mark.faults
async def test_a_third_change_that_fails_leaves_the_draft_as_after_the_second(
    sales: EnturClient, step: str, fault: Fault
) -> None:
    order, (line,) = await sales.sold(ADULT)
    for _ in range(2):
        offer = await sales.offer("flexible", ADULT, service=sales.world.train())
        assert (await sales.update(order, config(offer, line))).status == 200
    before, seats = sales.world.snapshot(order), sales.world.seats_of(order)
    armed = sales.world.faults.arm(order, step, fault)
    third = await sales.update(order, config(await sales.offer("standard", ADULT, service=sales.world.train()), line))
    assert (third.status, third.code, armed.fired > 0) == (500, "STEP_FAILED", True)
    assert (sales.world.snapshot(order), sales.world.seats_of(order)) == (before, seats)
    sales.world.faults.clear()
    fourth = await sales.update(order, config(await sales.offer("standard", ADULT, service=sales.world.train()), line))
    assert fourth.status == 200


async def test_lines_renewed_because_the_order_had_expired_are_listed_with_what_replaced_them(
    sales: EnturClient,
) -> None:
    train = sales.world.train()
    reserved = await sales.reserve({"offerId": await sales.offer("standard", ADULT, CHILD, service=train)})
    order, lines = str(reserved.body["orderId"]), list(reserved.body["orderLineIds"])
    soon = sales.world.components.store.now() + timedelta(seconds=1)
    await sales.world.send("PATCH", f"/v1/orders/{order}", {"expires_at": soon.isoformat()})
    async with asyncio.timeout(20):
        while (await sales.show(order))["status"] != "EXPIRED":  # noqa: ASYNC110 - the order is polled
            await asyncio.sleep(0.05)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    answer = await sales.update(order, config(offer, lines[0]))
    assert answer.status == 200, answer.body
    replaced = {
        tuple(each["originalOrderLineIds"]): each["replacedByOrderLineIds"]
        for each in answer.body["replacedByOrderLineIds"]
    }
    assert set(replaced) == {(line,) for line in lines}
    assert sorted(new for by in replaced.values() for new in by) == sorted(answer.body["orderLineIds"])


async def test_supplements_that_move_are_listed_with_the_lines_that_were_named(sales: EnturClient) -> None:
    train = sales.world.train()
    order, lines = await sales.sold(ADULT, CHILD, product="flexible", train=train)
    own = await sales.offer("flexible", ADULT, CHILD, service=train)
    meal = (await sales.supplements(order, lines[0], own, {"selectedProductId": "MEAL"})).body["orderLineIds"]
    later = sales.world.train()
    offers = [await sales.offer("flexible", each, service=later) for each in (ADULT, CHILD)]
    answer = await sales.update(order, config(offers[0], lines[0]), config(offers[1], lines[1]))
    assert answer.status == 200, answer.body
    originals = [each["originalOrderLineIds"] for each in answer.body["replacedByOrderLineIds"]]
    assert sorted(originals) == sorted([[lines[0]], [lines[1]], meal])


async def test_the_same_key_changes_once(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    key = new_key()
    first = await sales.update(order, config(offer, line), Idempotency_Key=key)
    again = await sales.update(order, config(offer, line), Idempotency_Key=key)
    assert (again.body, again.headers["idempotency-replayed"]) == (first.body, "true")
    assert len((await sales.show(order))["orderLines"]) == 1


async def test_reset_restores_the_confirmed_version(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT)
    before, seats = sales.world.snapshot(order), sales.world.seats_of(order)
    shown = await sales.show(order)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    await sales.update(order, config(offer, line))
    for _ in range(2):
        answer = await sales.send("POST", f"/v1/orders/{order}/reset")
        assert (answer.status, answer.body) == (200, shown)
        assert (sales.world.snapshot(order), sales.world.seats_of(order)) == (before, seats)


async def test_each_operation_moves_the_deadline_and_a_client_may_set_it(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    await sales.update(order, config(offer, line))
    later = as_utc(sales.world.components.store.now() + timedelta(days=2)).isoformat()
    moved = await sales.world.send("PATCH", f"/v1/orders/{order}", {"expires_at": later})
    assert moved.status == 200, moved.body
    assert (await sales.show(order))["expireAt"][:19] == later[:19]


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [({"orderLineId": "L1"}, "LINE_NOT_FOUND", 404), ({"orderLineId": None}, "MEMBER_INVALID", 400)],
    ids=str,
)
async def test_an_unknown_line_is_refused(sales: EnturClient, change: Json, code: str, status: int) -> None:
    order, (line,) = await sales.sold(ADULT)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    answer = await sales.update(order, config(offer, line) | change)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.only_on("sqlite")  # no store is used
async def test_required_members_are_checked(sales: EnturClient) -> None:
    answer = await sales.send("POST", "/v1/update-order", {"offerConfigurations": [{}]})
    assert {each["pointer"] for each in answer.body["errors"]} == {
        "/orderId",
        "/offerConfigurations/0/offerId",
        "/offerConfigurations/0/orderLineId",
    }
