"""Dearer changes are authorised before confirmation and captured once; cheaper ones are refunded once or not at all."""

from decimal import Decimal

import pytest
from sqlmodel import select

from domain.taxes import TaxRounding
from store.tables import LedgerRow
from temporal.names import StepName
from tests.support.canary import ADULT, CHILD, THIRD
from tests.support.world import CARD, DECLINED, World, add, replace


def ledger(world: World, order: str) -> list[tuple[str, int]]:
    """Return the movements in an order's ledger."""
    with world.components.store.read() as tx:
        rows = tx.exec(select(LedgerRow).where(LedgerRow.order_number == order).order_by("at", "key"))
        return [(row.kind, row.amount_minor) for row in rows]


async def test_a_dearer_change_is_authorised_and_captured_once(world: World) -> None:
    order = await world.sold(ADULT)
    await world.upgrade(order, confirm=True, payment=CARD)
    assert ledger(world, order) == [("authorise", 29900), ("capture", 29900), ("authorise", 10000), ("capture", 10000)]


async def test_a_cheaper_change_with_the_flag_is_refunded_once(world: World) -> None:
    order = await world.sold(ADULT, product="flexible")
    bundle = await world.offer("standard", ADULT, service=world.train())
    operation = replace([f"{order}-1"], bundle)
    answer = await world.change(order, operation, refund_price_difference=True)
    assert answer.body["quote"]["to_refund"] == "50.00"
    assert (await world.show(order))["balance"] == "-50.00"
    assert (await world.confirm(order, key="refund")).status == 200
    assert (await world.confirm(order, key="refund")).status == 200
    assert ledger(world, order)[-1:] == [("refund", 5000)]
    assert len(ledger(world, order)) == 3
    assert (await world.show(order))["paid"] == "299.00"


async def test_a_cheaper_change_that_says_no_refund_keeps_the_difference_and_shows_it(world: World) -> None:
    order = await world.sold(ADULT, product="flexible")
    bundle = await world.offer("standard", ADULT, service=world.train())
    answer = await world.change(order, replace([f"{order}-1"], bundle), refund_price_difference=False)
    assert (answer.body["quote"]["not_refundable"], answer.body["order"]["balance"]) == ("50.00", "0.00")
    fees = (await world.show(order))["fees"]
    assert [(fee["kind"], fee["amount"]) for fee in fees] == [("change_non_refundable", "50.00")]
    assert (await world.confirm(order)).status == 200
    assert len(ledger(world, order)) == 2


async def test_the_latest_flag_wins(world: World) -> None:
    order = await world.sold(ADULT, product="flexible")
    for flag, balance in ((False, "0.00"), (True, "-50.00"), (False, "0.00")):
        bundle = await world.offer("standard", ADULT, service=world.train())
        await world.change(order, replace([f"{order}-1"], bundle), refund_price_difference=flag)
        assert (await world.show(order))["balance"] == balance


async def test_a_refund_goes_over_the_original_payments_newest_first(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    await world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=CARD)
    answer = await world.change(
        order, {"op": "remove_lines", "lines": [f"{order}-1"]}, confirm=True, refund_price_difference=True
    )
    assert answer.status == 200
    assert ledger(world, order)[-2:] == [("refund", 10000), ("refund", 24900)]
    shown = await world.show(order)
    assert (shown["status"], shown["lines"], shown["paid"], shown["balance"]) == ("cancelled", [], "50.00", "0.00")
    late = await world.change(order, add(bundle, ADULT))
    assert (late.status, late.code) == (409, "ORDER_CANCELLED")


async def test_payments_add_up_and_only_the_confirmation_captures_them(world: World) -> None:
    order = await world.sold(ADULT)
    await world.upgrade(order)
    assert (await world.pay(order, "60.00")).body["order"]["balance"] == "40.00"
    assert (await world.pay(order, "40.01")).code == "PAYMENT_TOO_HIGH"
    assert (await world.pay(order, "40.00", currency="CHF")).code == "CURRENCY_MISMATCH"
    assert (await world.pay(order, "40.00", token="tok_decline")).status == 402  # noqa: S106 - a test token
    assert (await world.pay(order, "40.00")).status == 200
    assert ("capture", 6000) not in ledger(world, order)
    assert (await world.confirm(order)).status == 200
    assert ledger(world, order)[-2:] == [("capture", 6000), ("capture", 4000)]


async def test_money_authorised_beyond_the_amount_due_is_voided(world: World) -> None:
    order = await world.sold(ADULT)
    dear = await world.offer("flexible", ADULT, service=world.train())
    await world.change(order, replace([f"{order}-1"], dear))
    await world.pay(order, "100.00")
    same = await world.offer("standard", ADULT, service=world.train())
    answer = await world.change(order, replace([f"{order}-1"], same))
    assert (answer.body["quote"]["balance"], answer.body["quote"]["to_release"]) == ("0.00", "50.00")
    assert await money_of(world, order) == ("349.00", "349.00", "0.00", "50.00")
    assert (await world.confirm(order)).status == 200
    assert ledger(world, order)[-1:] == [("capture", 5000)]
    assert (await world.show(order))["paid"] == "349.00"
    assert world.at_most_once(order)


async def money_of(world: World, order: str) -> tuple[str, str, str, str]:
    """Return total, paid, balance and what is to be let go; paid and balance are always the total."""
    shown = await world.show(order)
    assert Decimal(shown["paid"]) + Decimal(shown["balance"]) == Decimal(shown["total"])
    return shown["total"], shown["paid"], shown["balance"], shown["to_release"]


@pytest.mark.parametrize(
    ("refund", "draft", "moves"),
    [
        (False, ("349.00", "349.00", "0.00", "50.00"), [("void", 5000)]),
        (True, ("299.00", "349.00", "-50.00", "50.00"), [("refund", 5000), ("void", 5000)]),
    ],
    ids=["kept", "refunded"],
)
async def test_money_set_aside_is_neither_kept_nor_refunded_once_it_is_not_owed(
    world: World, *, refund: bool, draft: tuple[str, ...], moves: list[tuple[str, int]]
) -> None:
    order = await world.sold(ADULT, product="flexible")
    dear = await world.offer("compartment", ADULT, service=world.train())
    await world.change(order, replace([f"{order}-1"], dear))
    assert (await world.pay(order, "50.00")).status == 200
    assert await money_of(world, order) == ("1196.00", "399.00", "797.00", "0.00")
    cheap = await world.offer("standard", ADULT, service=world.train())
    changed = await world.change(order, replace([f"{order}-1"], cheap), refund_price_difference=refund)
    assert changed.status == 200, changed.body
    assert await money_of(world, order) == draft
    assert changed.body["order"]["balance"] == draft[2]
    assert (await world.pay(order, "0.01")).code == "PAYMENT_TOO_HIGH"
    assert (await world.confirm(order)).status == 200
    assert sorted(ledger(world, order)[-len(moves) :]) == moves
    assert await money_of(world, order) == (draft[0], draft[0], "0.00", "0.00")
    assert world.at_most_once(order)


@pytest.mark.parametrize(
    ("rounding", "whole", "left"),
    # 2 x 299.00 at 12 %; then 299.00 and a fee of 50.00: 32.04 and 5.36 by line, 37.39 by rate.
    [(TaxRounding.LINE, "64.08", "37.40"), (TaxRounding.RATE, "64.07", "37.39")],
)
async def test_tax_is_rounded_as_it_was_decided_when_the_order_was_made(
    world: World, rounding: TaxRounding, whole: str, left: str
) -> None:
    async with world.with_api(tax_rounding=rounding) as other:
        order = await other.sold(ADULT, THIRD)
    (taxed,) = (await world.show(order))["taxes"]
    assert (taxed["rate"], taxed["tax"]) == ("0.12", whole)
    assert Decimal(taxed["base"]) + Decimal(taxed["tax"]) == Decimal("598.00")
    assert (await world.show(order))["tax"] == whole
    removal = {"op": "remove_lines", "lines": [f"{order}-2"]}
    quote = await world.post(f"/v1/orders/{order}/quotes", {"operations": [removal], "refund_price_difference": True})
    (changed,) = quote.body["taxes"]
    assert Decimal(changed["tax"]) == Decimal(left) - Decimal(whole)
    assert Decimal(changed["base"]) + Decimal(changed["tax"]) == -Decimal("249.00")
    answer = await world.change(order, removal, refund_price_difference=True, confirm=True)
    assert answer.status == 200
    (after,) = (await world.show(order))["taxes"]
    assert after["tax"] == left
    assert Decimal(after["base"]) + Decimal(after["tax"]) == Decimal("349.00")


async def test_a_discard_voids_what_was_authorised(world: World) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    await world.upgrade(order)
    await world.pay(order, "100.00")
    assert (await world.discard(order)).status == 200
    assert ledger(world, order)[-1:] == [("void", 10000)]
    assert world.snapshot(order) == before


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [("tok_decline", 402, "PAYMENT_REFUSED"), ("tok_refuse_capture", 402, "PAYMENT_REFUSED")],
)
async def test_a_payment_refused_in_a_confirmation_leaves_the_draft_and_its_seats(
    world: World, token: str, status: int, code: str
) -> None:
    order = await world.sold(ADULT)
    await world.upgrade(order)
    before = world.snapshot(order)
    answer = await world.confirm(order, {"method": "card", "token": token})
    assert (answer.status, answer.code) == (status, code)
    assert world.snapshot(order) == before
    assert (await world.confirm(order, CARD)).status == 200


async def test_a_payment_whose_payer_must_act_is_refused_with_what_the_shop_continues_with(world: World) -> None:
    order = await world.sold(ADULT)
    await world.upgrade(order)
    before = world.snapshot(order)
    answer = await world.confirm(order, {"method": "card", "token": "tok_action_required"})
    assert (answer.status, answer.code) == (402, "PAYMENT_ACTION_REQUIRED")
    assert answer.body["errors"] == [{"reference": f"bank:{answer.change}/authorise_payment"}]
    assert world.snapshot(order) == before
    assert (await world.confirm(order, CARD)).status == 200


async def test_a_refund_that_is_refused_changes_nothing(world: World) -> None:
    order = await world.order()
    bundle = await world.offer("flexible", ADULT, service=world.train())
    means = {"method": "card", "token": "tok_refuse_refund"}
    await world.change(order, add(bundle, ADULT), confirm=True, payment=means)
    before = world.snapshot(order)
    cheap = await world.offer("standard", ADULT, service=world.train())
    answer = await world.change(order, replace([f"{order}-1"], cheap), confirm=True, refund_price_difference=True)
    assert (answer.status, answer.code) == (409, "REFUND_REFUSED")
    assert world.snapshot(order) == before


async def test_a_payment_refused_in_one_go_leaves_nothing(world: World) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    answer = await world.upgrade(order, confirm=True, payment=DECLINED)
    assert (answer.status, answer.code) == (402, "PAYMENT_REFUSED")
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)


async def test_an_amount_due_without_a_payment_is_refused_before_any_seat_is_held(world: World) -> None:
    order = await world.sold(ADULT)
    answer = await world.upgrade(order, confirm=True)
    assert (answer.status, answer.code) == (409, "BALANCE_NOT_ZERO")
    steps = (await world.send("GET", f"/v1/changes/{answer.change}")).body["steps"]
    assert [step["step"] for step in steps] == [
        StepName.PLAN_CHANGE,
        StepName.VALIDATE_TRAVELLERS,
        StepName.QUOTE_CHANGE,
    ]


async def test_a_child_pays_less_and_a_group_pays_once(world: World) -> None:
    train = world.train()
    order = await world.order()
    family = await world.offer("standard", ADULT, CHILD, service=train)
    await world.change(order, add(family, ADULT, CHILD))
    assert (await world.show(order))["total"] == "448.50"
    group = await world.offer("compartment", ADULT, CHILD, THIRD, service=train)
    await world.change(order, replace([f"{order}-1", f"{order}-2"], group))
    shown = await world.show(order)
    assert (len(shown["lines"]), shown["total"], len(shown["reservations"])) == (1, "1196.00", 3)
