"""Amounts: minimums, maximums and currencies that do not have two decimals."""

import pytest
import stripe

from tests.stripe.control_client import Emulator
from tests.stripe.shop import authorise, capture, pay, refund


@pytest.mark.parametrize(("currency", "least"), [("eur", 50), ("gbp", 30), ("chf", 50), ("nok", 300), ("jpy", 50)])
def test_a_payment_has_a_least_amount_by_currency(sdk: stripe.StripeClient, currency: str, least: int) -> None:
    """Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts; the figures are from memory."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        authorise(sdk, least - 1, currency=currency)
    assert (refused.value.code, refused.value.param) == ("amount_too_small", "amount")
    assert authorise(sdk, least, currency=currency).amount == least


def test_the_least_amount_is_a_setting(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: the figures of the documentation change, and depend on the settlement currency."""
    emulator.reset(minimums={"eur": 1})
    assert authorise(sdk, 1).amount == 1


def test_an_amount_has_at_most_eight_digits(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts (eight digits)."""
    assert authorise(sdk, 99_999_999).amount == 99_999_999
    with pytest.raises(stripe.InvalidRequestError) as refused:
        authorise(sdk, 100_000_000)
    assert refused.value.code == "amount_too_large"


def test_a_currency_without_decimals_is_in_whole_units(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/currencies#zero-decimal (JPY 500 is 500 yen)."""
    assert authorise(sdk, 501, currency="jpy").amount == 501


def test_the_last_of_three_decimals_is_0(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/currencies#three-decimal; the wording of the error is from memory."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        authorise(sdk, 5124, currency="kwd")
    assert refused.value.param == "amount"
    intent = authorise(sdk, 5120, currency="kwd")
    with pytest.raises(stripe.InvalidRequestError):
        capture(sdk, intent.id, 5119)
    captured = capture(sdk, intent.id, 5110)
    with pytest.raises(stripe.InvalidRequestError):
        refund(sdk, captured.id, 5)


@pytest.mark.parametrize("currency", ["isk", "ugx"])
def test_two_currencies_without_decimals_are_sent_with_two(sdk: stripe.StripeClient, currency: str) -> None:
    """Source: https://docs.stripe.com/currencies#special-cases (two decimals that are always 00)."""
    with pytest.raises(stripe.InvalidRequestError):
        authorise(sdk, 1050, currency=currency)
    assert authorise(sdk, 1000, currency=currency).amount == 1000


@pytest.mark.parametrize("currency", ["EUR", "xxx"])
def test_a_currency_is_a_known_code_in_lower_case(sdk: stripe.StripeClient, currency: str) -> None:
    """Source: https://docs.stripe.com/currencies ("all lowercase letters … in any payment request")."""
    with pytest.raises(stripe.InvalidRequestError, match="Invalid currency"):
        authorise(sdk, currency=currency)


def test_a_refund_may_be_smaller_than_the_least_payment(sdk: stripe.StripeClient) -> None:
    """From memory: the minimum is of charges."""
    assert refund(sdk, pay(sdk, 1000).id, 1).amount == 1
