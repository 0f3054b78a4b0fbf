"""Each group of a draft is priced and decided by itself; the page's figures."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.offers import OfferBundle
from domain.orders import FeeKind, Order, OrderLine, PriceGroup
from domain.planning.plan import Plan
from domain.planning.plan_change import plan_change
from domain.price_groups import GroupPrice
from domain.quote_change import check_quote, quote_change
from domain.quotes import Quote
from domain.refusals import PriceAboveLimit, RefundUndecided
from domain.terms import Terms
from tests.domain.makers import (
    NOW,
    NUMBER,
    SERVICES,
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

A, B = "ann", "bob"


def quoted(
    on: Order, *operations: Mapping[str, Any], bundles: tuple[OfferBundle, ...] = (), **more: Any
) -> tuple[Plan, Quote]:
    catalogue = catalogue_slice(*bundles)
    plan = plan_change(on, change_request(*operations, **more), catalogue, 10, 5, NOW, "C9")
    return plan, quote_change(on, plan, catalogue)


def sold(*lines: OrderLine, **more: Any) -> Order:
    return order(*lines, payments=(captured(sum(each.price.minor for each in lines)),), **more)


def test_all_replacements_of_one_request_are_one_group() -> None:
    dearer, cheaper = bundle("d", "flexible", "noon", A), bundle("c", "saver", "noon", B)
    on = sold(line(1, "saver", "morning", A), line(2, "flexible", "morning", B))
    operations = (replace_operation([1], "d"), replace_operation([2], "c"))
    plan, quote = quoted(on, *operations, bundles=(dearer, cheaper), refund_price_difference=False)
    assert [(each.given_up, each.taken) for each in plan.groups] == [
        ((f"{NUMBER}-1", f"{NUMBER}-2"), (f"{NUMBER}-10", f"{NUMBER}-11"))
    ]
    # 199 + 349 for 349 + 199 and a fee of 30 for the saver.
    assert (quote.not_refundable, quote.balance) == (nok(0), nok(3000))


def test_a_removal_and_an_addition_are_no_exchange_and_the_quote_says_that_one_is_cheaper() -> None:
    on = sold(line(1, "flexible", "morning", A))
    operations = ({"op": "remove_lines", "lines": [f"{NUMBER}-1"]}, {"op": "add_lines", "offer_bundle_id": "b"})
    plan, quote = quoted(on, *operations, bundles=(bundle("b", "saver", "noon", A),), refund_price_difference=False)
    assert len(plan.groups) == 2
    assert (quote.not_refundable, quote.balance) == (nok(34900), nok(19900))
    assert [each.code for each in quote.warnings] == ["EXCHANGE_IS_CHEAPER"]


def test_nobody_forfeits_without_a_decision() -> None:
    on = sold(line(1, "flexible", "morning", A))
    plan, quote = quoted(on, replace_operation([1], "b"), bundles=(bundle("b", "saver", "noon", A),))
    assert (quote.undecided, quote.balance) == (nok(15000), nok(-15000))
    with pytest.raises(RefundUndecided) as refused:
        check_quote(quote, plan, None)
    assert refused.value.members == ({"amount": "150.00", "currency": "NOK"}, {"line": f"{NUMBER}-1"})
    plan, quote = quoted(
        on, replace_operation([1], "b"), bundles=(bundle("b", "saver", "noon", A),), keeps_surplus=True
    )
    check_quote(quote, plan, None)
    assert quote.not_refundable == nok(15000)


def test_a_request_that_joins_a_group_and_says_nothing_leaves_its_decision() -> None:
    given_up = line(1, "flexible", "morning", A, removed_by="C2", removed_in=2)
    taken = line(2, "saver", "noon", A, added_in=2, replaces=(given_up.id,))
    for decision, balance in ((True, -15000), (False, 0)):
        group = PriceGroup(id="C2/1", given_up=(given_up.id,), taken=(taken.id,), refund=decision)
        on = order(given_up, taken, version=2, groups=(group,), payments=(captured(34900),))
        plan, quote = quoted(on, replace_operation([1], "b"), bundles=(bundle("b", "saver", "evening", A),))
        assert (quote.balance, plan.ended_groups, [each.refund for each in plan.groups]) == (
            nok(balance),
            ("C2/1",),
            [decision],
        )


def test_groups_that_come_together_with_different_decisions_are_paid_back() -> None:
    gone = {"removed_by": "C2", "removed_in": 2}
    given_up = [line(number, "flexible", "morning", who, **gone) for number, who in ((1, A), (2, B))]
    taken = [line(number, "saver", "noon", who, added_in=2) for number, who in ((3, A), (4, B))]
    groups = tuple(
        PriceGroup(id=f"C2/{number}", given_up=(old.id,), taken=(new.id,), refund=number == 1)
        for number, (old, new) in enumerate(zip(given_up, taken, strict=True), start=1)
    )
    on = order(*given_up, *taken, version=2, groups=groups, payments=(captured(69800),))
    plan, quote = quoted(on, replace_operation([3, 4], "b"), bundles=(bundle("b", "saver", "evening", A, B),))
    assert ([each.refund for each in plan.groups], quote.balance) == ([True], nok(-30000))


def group_of(*given_up: OrderLine, taken: tuple[OrderLine, ...] = (), refund: bool | None = False) -> GroupPrice:
    group = PriceGroup(
        id="g", given_up=tuple(each.sale for each in given_up), taken=tuple(each.sale for each in taken), refund=refund
    )
    return GroupPrice(group, given_up, taken, SERVICES, "NOK")


def priced(number: int, price: int, fee: int = 0, rate: str = "0.12", service: str | None = "morning") -> OrderLine:
    return line(number, "saver", service, A, price=nok(price), tax_rate=Decimal(rate), terms=Terms(change_fee=nok(fee)))


def test_a_fee_is_at_most_the_price_and_none_for_what_cost_nothing() -> None:
    assert [fee.amount for fee in group_of(priced(1, 2000, fee=5000)).fees] == [nok(2000)]
    assert group_of(priced(1, 0, fee=5000)).fees == ()


def test_a_fee_is_no_surplus() -> None:
    exchange = group_of(priced(1, 3333, fee=500), taken=(priced(2, 3000),))
    assert (exchange.surplus, exchange.kept) == (nok(0), nok(0))
    assert [fee.amount for fee in exchange.fees] == [nok(500)]


def test_a_cancelled_service_costs_no_fee_and_is_paid_back_whatever_was_decided() -> None:
    cancelled = {"morning": SERVICES["morning"].model_copy(update={"cancelled": True})}
    dropped = priced(1, 10000, fee=3000)
    group = group_of(dropped)
    price = GroupPrice(group.group, (dropped,), (), cancelled, "NOK")
    assert (price.fees, price.surplus, price.kept) == ((), nok(10000), nok(0))
    mixed = GroupPrice(group.group, (dropped, priced(2, 4000, service="noon")), (), cancelled, "NOK")
    assert mixed.kept == nok(4000)


def test_what_is_kept_is_split_over_the_rates_to_the_minor_unit() -> None:
    group = group_of(
        priced(1, 100, rate="0.12"),
        priced(2, 100, rate="0.15"),
        priced(3, 100, rate="0.25"),
        taken=(priced(4, 200, rate="0"),),
    )
    fees = [(str(fee.tax_rate), fee.amount.minor) for fee in group.kept_fees]
    assert fees == [("0.12", 34), ("0.15", 33), ("0.25", 33)]
    assert {fee.kind for fee in group.kept_fees} == {FeeKind.CHANGE_NON_REFUNDABLE}


AMOUNTS = st.lists(st.tuples(st.integers(0, 50_000), st.sampled_from(("0", "0.077", "0.12", "0.25"))), max_size=4)


@given(AMOUNTS, AMOUNTS)
def test_the_parts_of_what_is_kept_add_up(before: list[tuple[int, str]], after: list[tuple[int, str]]) -> None:
    given_up = tuple(priced(number, minor, rate=rate) for number, (minor, rate) in enumerate(before, start=1))
    taken = tuple(priced(number, minor, rate=rate) for number, (minor, rate) in enumerate(after, start=10))
    group = group_of(*given_up, taken=taken)
    assert sum((fee.amount for fee in group.kept_fees), nok(0)) == group.kept == group.surplus
    assert all(fee.amount.minor > 0 for fee in group.kept_fees)


def test_money_set_aside_pays_only_what_is_owed() -> None:
    given_up = line(1, "standard", "morning", A, price=nok(29900), removed_by="C2", removed_in=2)
    taken = line(2, "flexible", "noon", A, price=nok(34900), added_in=2)
    group = PriceGroup(id="C2/1", given_up=(given_up.id,), taken=(taken.id,), refund=None)
    on = order(given_up, taken, version=2, groups=(group,), payments=(captured(29900), authorised(5000)))
    _, quote = quoted(
        on, replace_operation([2], "b"), bundles=(bundle("b", "saver", "evening", A),), refund_price_difference=False
    )
    assert (quote.not_refundable, quote.balance, quote.to_release) == (nok(5000), nok(0), nok(5000))


@pytest.mark.parametrize(("limit", "refused"), [(9999, True), (10000, False)])
def test_a_change_that_costs_more_than_its_limit_says_how_much(limit: int, *, refused: bool) -> None:
    on = sold(line(1, "standard", "morning", A))
    plan, quote = quoted(on, replace_operation([1], "b"), bundles=(bundle("b", "flexible", "noon", A),))
    if not refused:
        check_quote(quote, plan, Money(limit, "NOK"))
        return
    with pytest.raises(PriceAboveLimit) as above:
        check_quote(quote, plan, Money(limit, "NOK"))
    assert above.value.members == ({"amount": "100.00", "currency": "NOK"},)
