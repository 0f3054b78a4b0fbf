"""The adapter of Stripe keeps the contract of an external payment provider."""

import pytest

from providers.contracts import ExternalPaymentsContract, MovementsContract, PaymentsUnderTest
from providers.contracts.assertions import new_key
from providers.contracts.payments_under_test import Paid


class TestStripePayments(ExternalPaymentsContract, MovementsContract):
    pass


@pytest.mark.parametrize("payments", ["JPY", "ISK", "KWD", "EUR", "UGX"], indirect=True)
def test_each_kind_of_currency_is_authorised_captured_refunded_and_found(payments: PaymentsUnderTest) -> None:
    key = new_key("authorise")
    payment = Paid(key, payments.authorise(key).reference)
    assert payments.find(key).amount == payments.money(100)
    assert payments.has_captured(payments.capture(payment, 60), 60)
    assert payments.find(key).amount == payments.money(60)
