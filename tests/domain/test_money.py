"""Money is whole minor units of one currency; tax is inside the price."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.currencies import EXPONENTS
from domain.model import MAX_NUMBER
from domain.money import Money, included_tax, parse_money, total, zero

currencies = st.sampled_from(sorted(EXPONENTS))
minors = st.integers(min_value=-(10**12), max_value=10**12)
rates = st.decimals(min_value=0, max_value=1, places=4)


@given(minors, currencies)
def test_an_amount_as_text_is_parsed_to_the_same_amount(minor: int, currency: str) -> None:
    assert parse_money(str(Money(minor, currency)), currency) == Money(minor, currency)


@given(minors, currencies)
def test_every_amount_has_exactly_its_currencys_places(minor: int, currency: str) -> None:
    _, _, places = str(Money(minor, currency)).partition(".")
    assert len(places) == EXPONENTS[currency]


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (29900, "NOK", "299.00"),
        (-5, "CHF", "-0.05"),
        (500, "JPY", "500"),
        (1250, "KWD", "1.250"),
        (12345, "CLF", "1.2345"),
    ],
)
def test_amounts_are_written_with_their_decimal_places(minor: int, currency: str, text: str) -> None:
    assert str(Money(minor, currency)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.0",
        "1.000",
        "1,00",
        "+1.00",
        "1e2",
        "NaN",
        "Infinity",
        " 1.00",
        "1.00 ",
        "\u0663.\u0660\u0660",
        "--1.00",
        "1.00\n",
    ],
)
def test_an_amount_with_other_places_or_signs_is_not_parsed(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        parse_money(text, "NOK")


@given(st.lists(minors), currencies)
def test_a_sum_does_not_depend_on_order(minors_: list[int], currency: str) -> None:
    amounts = [Money(minor, currency) for minor in minors_]
    assert total(amounts, currency) == total(reversed(amounts), currency) == Money(sum(minors_), currency)


@pytest.mark.parametrize("combine", [Money.__add__, Money.__sub__, Money.__lt__])
def test_two_currencies_are_never_combined(combine: object) -> None:
    assert callable(combine)
    with pytest.raises(ValueError, match="two currencies"):
        combine(Money(1, "NOK"), Money(1, "CHF"))


@pytest.mark.parametrize("minor", [1.0, True, "1", MAX_NUMBER + 1, -MAX_NUMBER - 1])
def test_an_amount_is_a_whole_number_within_the_safe_range(minor: int) -> None:
    with pytest.raises(ValueError, match="whole number"):
        Money(minor, "NOK")


@pytest.mark.parametrize("currency", ["XAU", "nok", "", "NOKK", "XXX"])
def test_a_currency_without_a_minor_unit_is_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="currency"):
        Money(1, currency)


@given(st.integers(min_value=0, max_value=10**12), rates, currencies)
def test_tax_is_never_more_than_half_a_minor_unit_off(minor: int, rate: Decimal, currency: str) -> None:
    tax = included_tax(Money(minor, currency), rate)
    exact = Decimal(minor) * rate / (1 + rate)
    assert abs(tax.minor - exact) <= Decimal("0.5")


@given(st.integers(min_value=0, max_value=10**12), rates)
def test_the_tax_of_a_refund_is_the_tax_of_the_sale(minor: int, rate: Decimal) -> None:
    assert included_tax(Money(-minor, "NOK"), rate) == -included_tax(Money(minor, "NOK"), rate)


@pytest.mark.parametrize(
    ("gross", "rate", "tax"),
    [(4600, "0.081", 345), (4600, "0.077", 329), (10600, "0.081", 794), (29900, "0.12", 3204), (0, "0.12", 0)],
)
def test_tax_included_in_known_prices(gross: int, rate: str, tax: int) -> None:
    assert included_tax(Money(gross, "CHF"), Decimal(rate)).minor == tax


def test_half_a_rappen_rounds_up() -> None:
    assert included_tax(Money(3, "CHF"), Decimal("0.2")) == Money(1, "CHF")


def test_zero_is_written_with_its_currencys_places() -> None:
    assert str(zero("JPY")) == "0"
