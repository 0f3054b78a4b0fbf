"""Base and tax per rate add up to the price, whether tax is rounded per line or per rate."""

import itertools
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.taxes import TaxPerRate, TaxRounding, tax_difference, taxes_of, total_tax
from tests.domain.makers import nok

RATES = [Decimal(each) for each in ("0", "0.07", "0.12", "0.15", "0.19", "0.22", "0.081")]
Entry = tuple[Money, Decimal]
entries = st.lists(st.tuples(st.integers(0, 100_000).map(nok), st.sampled_from(RATES)), max_size=12)
roundings = st.sampled_from(TaxRounding)


def half_up(exact: Fraction) -> int:
    """Round half away from zero by fractions, as a check of the code under test."""
    sign = -1 if exact < 0 else 1
    return sign * ((2 * abs(exact).numerator + exact.denominator) // (2 * exact.denominator))


def exact_tax(minor: int, rate: Decimal) -> Fraction:
    return minor * Fraction(rate) / (1 + Fraction(rate))


@pytest.mark.parametrize(
    ("count", "price", "currency", "rate", "by_line", "by_rate"),
    [
        (5, 9900, "NOK", "0.22", "89.25", "89.26"),
        (10, 105, "JPY", "0.1", "100", "95"),
        (1, 29900, "NOK", "0.12", "32.04", "32.04"),
        (3, 1, "NOK", "0.25", "0.00", "0.01"),
    ],
)
def test_tax_is_rounded_per_line_or_per_rate(
    count: int, price: int, currency: str, rate: str, by_line: str, by_rate: str
) -> None:
    sold = [(Money(price, currency), Decimal(rate))] * count
    for rounding, expected in ((TaxRounding.LINE, by_line), (TaxRounding.RATE, by_rate)):
        (taxed,) = taxes_of(sold, rounding, currency)
        assert str(taxed.tax) == expected
        assert taxed.base.minor + taxed.tax.minor == count * price


@given(entries, roundings)
def test_base_and_tax_add_up_to_the_price_of_every_rate(sold: list[Entry], rounding: TaxRounding) -> None:
    taxes = taxes_of(sold, rounding, "NOK")
    assert [each.rate for each in taxes] == sorted({rate for _, rate in sold})
    for each in taxes:
        assert each.gross.minor == sum(price.minor for price, rate in sold if rate == each.rate)
    assert sum(each.gross.minor for each in taxes) == sum(price.minor for price, _ in sold)


@given(entries)
def test_per_rate_the_tax_is_at_most_half_a_minor_unit_off_and_per_line_half_of_one_for_each(sold: list[Entry]) -> None:
    for rounding in TaxRounding:
        for each in taxes_of(sold, rounding, "NOK"):
            prices = [price.minor for price, rate in sold if rate == each.rate]
            exact = exact_tax(sum(prices), each.rate)
            rounded = (
                half_up(exact)
                if rounding is TaxRounding.RATE
                else sum(half_up(exact_tax(p, each.rate)) for p in prices)
            )
            assert each.tax.minor == rounded
            assert abs(each.tax.minor - exact) <= Fraction(len(prices) if rounding is TaxRounding.LINE else 1, 2)


@given(entries, entries, roundings)
def test_the_tax_of_a_change_is_the_order_s_tax_after_less_before(
    before: list[Entry], after: list[Entry], rounding: TaxRounding
) -> None:
    old, new = taxes_of(before, rounding, "NOK"), taxes_of(after, rounding, "NOK")
    changed = tax_difference(new, old, "NOK")
    assert total_tax(changed, "NOK").minor == sum(t.tax.minor for t in new) - sum(t.tax.minor for t in old)
    added_up = {each.rate: (each.base, each.tax) for each in old}
    for each in changed:
        base, tax = added_up.get(each.rate, (nok(0), nok(0)))
        added_up[each.rate] = (base + each.base, tax + each.tax)
    expected = {each.rate: (each.base, each.tax) for each in new}
    assert {rate: sums for rate, sums in added_up.items() if sums != (nok(0), nok(0))} == {
        rate: sums for rate, sums in expected.items() if sums != (nok(0), nok(0))
    }


@given(st.lists(entries, min_size=1, max_size=4), roundings)
def test_the_taxes_of_all_changes_of_an_order_add_up_to_its_tax(
    versions: list[list[Entry]], rounding: TaxRounding
) -> None:
    taxes: list[tuple[TaxPerRate, ...]] = [(), *(taxes_of(sold, rounding, "NOK") for sold in versions)]
    changes = [tax_difference(new, old, "NOK") for old, new in itertools.pairwise(taxes)]
    assert sum(total_tax(each, "NOK").minor for each in changes) == total_tax(taxes[-1], "NOK").minor


def test_a_refund_line_by_line_never_rounds_by_itself() -> None:
    sold: Sequence[Entry] = [(nok(9900), Decimal("0.22"))] * 5
    left = [taxes_of(sold[:count], TaxRounding.RATE, "NOK") for count in range(6)]
    refunds = [tax_difference(left[n], left[n + 1], "NOK")[0].tax.minor for n in range(5)]
    assert sum(refunds) == -8926
    assert set(refunds) == {-1785, -1786}


def test_rates_written_with_different_places_are_one_rate() -> None:
    sold = [(nok(100), Decimal("0.1")), (nok(200), Decimal("0.10"))]
    assert len(taxes_of(sold, TaxRounding.LINE, "NOK")) == 1


def test_a_rate_that_stays_the_same_is_no_part_of_a_change() -> None:
    before = taxes_of([(nok(100), Decimal("0.1")), (nok(300), Decimal("0.2"))], TaxRounding.LINE, "NOK")
    after = taxes_of([(nok(100), Decimal("0.1"))], TaxRounding.LINE, "NOK")
    assert [(str(each.rate), each.base.minor, each.tax.minor) for each in tax_difference(after, before, "NOK")] == [
        ("0.2", -250, -50)
    ]


def test_no_amounts_have_no_taxes() -> None:
    assert taxes_of([], TaxRounding.RATE, "NOK") == ()
