"""A quote is the sum of its parts, against the last confirmed version."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import total
from domain.offers import OfferBundle
from domain.orders import Fee, FeeKind, Order, OrderStatus, PriceGroup
from domain.planning.plan_change import plan_change
from domain.quote_change import check_plan_times, quote_change
from domain.quotes import Quote
from domain.refusals import NotOffered, OfferExpired, ServiceDeparted
from tests.domain.makers import (
    NOW,
    NUMBER,
    PRODUCTS,
    authorised,
    bundle,
    captured,
    catalogue_slice,
    change_request,
    line,
    nok,
    order,
    replace_operation,
)

PEOPLE = ("ann", "bob", "cat", "dan", "eve")
KINDS = ("standard", "flexible", "saver")


def quoted(on: Order, *operations: Mapping[str, Any], bundles: tuple[OfferBundle, ...] = (), **more: Any) -> Quote:
    catalogue = catalogue_slice(*bundles)
    plan = plan_change(on, change_request(*operations, **more), catalogue, 10, 5, NOW)
    check_plan_times(on, plan, catalogue, NOW)
    return quote_change(on, plan, catalogue)


@st.composite
def changed_orders(draw: st.DrawFn) -> tuple[Order, list[str], list[OfferBundle], bool]:
    """An order of some lines, and new products for some of them."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5))
    lines = [line(number, kind, "morning", PEOPLE[number - 1]) for number, kind in enumerate(kinds, start=1)]
    sold = order(*lines, payments=(captured(sum(each.price.minor for each in lines)),))
    chosen = draw(st.lists(st.integers(1, len(lines)), min_size=1, unique=True))
    bundles = [
        bundle(
            f"b-{number}", draw(st.sampled_from(KINDS)), draw(st.sampled_from(("noon", "evening"))), PEOPLE[number - 1]
        )
        for number in chosen
    ]
    return sold, [f"{number}" for number in chosen], list(bundles), draw(st.booleans())


@given(changed_orders())
def test_the_parts_add_up_to_the_whole(case: tuple[Order, list[str], list[OfferBundle], bool]) -> None:
    sold, chosen, bundles, refund = case
    operations = [replace_operation([int(number)], f"b-{number}") for number in chosen]
    quote = quoted(sold, *operations, bundles=tuple(bundles), refund_price_difference=refund)
    new = total([each.price for each in quote.lines if each.taken], "NOK")
    old = total([each.price for each in quote.lines if not each.taken], "NOK")
    charged = total([fee.amount for fee in quote.fees if fee.kind is FeeKind.CHANGE], "NOK")
    kept = total([fee.amount for fee in quote.fees if fee.kind is FeeKind.CHANGE_NON_REFUNDABLE], "NOK")
    assert (quote.new_price, quote.old_price, quote.fee, quote.not_refundable) == (new, old, charged, kept)
    assert quote.difference == new + charged - old
    assert quote.to_refund + quote.not_refundable == max(-quote.difference, nok(0))
    assert quote.balance == quote.difference + quote.not_refundable
    tax = total([each.tax if each.taken else -each.tax for each in quote.lines], "NOK")
    assert quote.tax == tax + total([fee.tax for fee in quote.fees], "NOK")
    assert quote.to_refund.minor == 0 or refund


@given(changed_orders())
def test_a_change_and_its_reversal_cost_nothing(
    case: tuple[Order, list[str], list[OfferBundle], bool],
) -> None:
    sold, chosen, _, refund = case
    by_id = {each.id: each for each in sold.lines}
    away = [
        each.model_copy(update={"removed_by": "C2", "removed_in": 2}) if each.id.rpartition("-")[2] in chosen else each
        for each in sold.lines
    ]
    back, operations = [], []
    for count, number in enumerate(chosen):
        original = by_id[f"{NUMBER}-{number}"]
        draft = line(
            6 + count, "flexible", "evening", *original.travellers, replaces=(original.id,), added_in=2, added_by="C2"
        )
        away.append(draft)
        back.append(bundle(f"back-{number}", original.product, "morning", *original.travellers))
        operations.append(replace_operation([int(number)], f"back-{number}"))
    draft_order = order(*away, version=2, payments=sold.payments)
    quote = quoted(draft_order, *operations, bundles=tuple(back), refund_price_difference=refund)
    assert (quote.fee, quote.difference, quote.balance) == (nok(0), nok(0), nok(0))


def test_a_dearer_change_costs_the_difference_and_the_fee() -> None:
    sold = order(line(1, "standard", "morning", "ann"), payments=(captured(29900),))
    quote = quoted(sold, replace_operation([1], "b"), bundles=(bundle("b", "flexible", "noon", "ann"),))
    assert (quote.old_price, quote.new_price, quote.fee, quote.difference) == (
        nok(29900),
        nok(34900),
        nok(5000),
        nok(10000),
    )
    assert quote.balance == nok(10000)


def test_two_changes_in_a_row_do_not_add_up_two_fees() -> None:
    twice = order(
        line(1, "standard", "morning", "ann", removed_by="C2", removed_in=2),
        line(2, "standard", "noon", "ann", replaces=(f"{NUMBER}-1",), added_in=2),
        version=2,
        groups=(PriceGroup(id="C2/1", given_up=(f"{NUMBER}-1",), taken=(f"{NUMBER}-2",), refund=False),),
        payments=(captured(29900),),
    )
    quote = quoted(twice, replace_operation([2], "b"), bundles=(bundle("b", "flexible", "evening", "ann"),))
    assert quote.fee == nok(5000)
    assert quote.difference == nok(10000)


CHEAPER = order(line(1, "flexible", "morning", "ann"), payments=(captured(34900),))


def test_a_cheaper_change_keeps_the_difference_when_it_says_so() -> None:
    quote = quoted(
        CHEAPER,
        replace_operation([1], "b"),
        bundles=(bundle("b", "saver", "noon", "ann"),),
        refund_price_difference=False,
    )
    assert (quote.difference, quote.not_refundable, quote.to_refund, quote.balance) == (
        nok(-15000),
        nok(15000),
        nok(0),
        nok(0),
    )
    assert [fee.kind for fee in quote.fees] == [FeeKind.CHANGE_NON_REFUNDABLE]


def test_a_cheaper_change_refunds_the_difference_when_requested() -> None:
    quote = quoted(
        CHEAPER,
        replace_operation([1], "b"),
        bundles=(bundle("b", "saver", "noon", "ann"),),
        refund_price_difference=True,
    )
    assert (quote.to_refund, quote.not_refundable, quote.balance) == (nok(15000), nok(0), nok(-15000))


def test_the_change_fee_is_deducted_from_the_refund() -> None:
    sold = order(line(1, "standard", "morning", "ann"), payments=(captured(29900),))
    quote = quoted(
        sold, replace_operation([1], "b"), bundles=(bundle("b", "saver", "noon", "ann"),), refund_price_difference=True
    )
    assert (quote.fee, quote.difference, quote.to_refund) == (nok(5000), nok(-5000), nok(5000))


def test_removing_a_line_is_priced_like_replacing_it_by_nothing() -> None:
    sold = order(
        line(1, "standard", "morning", "ann"), line(2, "flexible", "morning", "bob"), payments=(captured(64800),)
    )
    quote = quoted(sold, {"op": "remove_lines", "lines": [f"{NUMBER}-1"]}, refund_price_difference=True)
    assert (quote.old_price, quote.new_price, quote.fee, quote.to_refund) == (nok(29900), nok(0), nok(5000), nok(24900))


def test_a_first_sale_is_priced_against_nothing_and_has_no_fee() -> None:
    draft = order(line(1, "standard", "morning", "ann"), confirmed=0)
    quote = quoted(draft, replace_operation([1], "b"), bundles=(bundle("b", "saver", "noon", "ann"),))
    assert (quote.old_price, quote.new_price, quote.fee, quote.difference) == (nok(0), nok(19900), nok(0), nok(19900))


def test_authorised_money_counts_in_the_balance() -> None:
    sold = order(line(1, "standard", "morning", "ann"), payments=(captured(29900), authorised(4000)))
    assert quoted(sold, replace_operation([1], "b"), bundles=(bundle("b", "flexible", "noon", "ann"),)).balance == nok(
        6000
    )


def test_fees_of_the_confirmed_version_stay_due() -> None:
    fee = Fee(id="f", kind=FeeKind.CHANGE, amount=nok(5000), tax_rate=PRODUCTS["standard"].tax_rate, line=None)
    sold = order(line(1, "flexible", "morning", "ann"), fees=(fee,), confirmed_fees=(fee,), payments=(captured(39900),))
    quote = quoted(sold, replace_operation([1], "b"), bundles=(bundle("b", "flexible", "noon", "ann"),))
    assert quote.balance == nok(0)


@pytest.mark.parametrize(("remaining", "refused"), [(timedelta(seconds=1), False), (timedelta(0), True)])
def test_a_bundle_is_refused_at_the_instant_it_expires(remaining: timedelta, *, refused: bool) -> None:
    sold = order(line(1, "standard", "morning", "ann"), payments=(captured(29900),))
    offer = bundle("b", "flexible", "noon", "ann").model_copy(update={"expires_at": NOW + remaining})
    if refused:
        with pytest.raises(OfferExpired):
            quoted(sold, replace_operation([1], "b"), bundles=(offer,))
    else:
        assert quoted(sold, replace_operation([1], "b"), bundles=(offer,)).new_price == nok(34900)


def test_a_departed_service_is_neither_taken_nor_given_up() -> None:
    with pytest.raises(ServiceDeparted):
        quoted(order(), {"op": "add_lines", "offer_bundle_id": "b"}, bundles=(bundle("b", "standard", "gone", "ann"),))
    departed = order(line(1, "standard", "gone", "ann"))
    with pytest.raises(ServiceDeparted):
        quoted(departed, replace_operation([1], "b"), bundles=(bundle("b", "standard", "noon", "ann"),))


def test_an_expired_order_is_priced_again_and_refused_when_a_product_is_no_longer_sold() -> None:
    def expired(kind: str) -> Order:
        on = order(line(1, "standard", "morning", "ann", price=nok(1)), confirmed=0, status=OrderStatus.EXPIRED)
        return on.model_copy(update={"lines": (on.lines[0].model_copy(update={"product": kind}),)})

    details = {"op": "set_travellers", "travellers": [{"id": "ann", "given_name": "Anna"}]}
    assert quoted(expired("standard"), details).new_price == nok(29900)
    with pytest.raises(NotOffered):
        quoted(expired("withdrawn"), details)
