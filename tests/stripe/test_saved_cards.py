"""Saved cards, charged while their cardholders are away."""

from typing import Any

import pytest
import stripe

from tests.stripe.control_client import Emulator
from tests.stripe.shop import authorise, error_of


@pytest.mark.parametrize("how", ["off_session", "error_on_requires_action"])
def test_a_cardholder_who_is_away_makes_the_payment_fail(sdk: stripe.StripeClient, how: str) -> None:
    """Source: https://docs.stripe.com/error-codes#authentication-required.

    The status is from https://support.stripe.com, "manual confirmation for off-session payments requiring SCA".
    """
    arguments: dict[str, Any] = {how: True}
    with pytest.raises(stripe.CardError) as refused:
        authorise(sdk, method="pm_card_authenticationRequired", **arguments)
    error = error_of(refused)
    assert (refused.value.http_status, error.code) == (402, "authentication_required")
    assert error.payment_intent.status == "requires_payment_method"


def save(sdk: stripe.StripeClient, method: str) -> tuple[str, str]:
    customer = sdk.v1.customers.create()
    return customer.id, sdk.v1.payment_methods.attach(method, {"customer": customer.id}).id


def test_a_saved_card_pays_off_session(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/payments/save-and-reuse#charge-saved-payment-method."""
    customer, method = save(sdk, "pm_card_visa")
    intent = authorise(sdk, method=method, customer=customer, off_session=True)
    assert (intent.status, intent.customer, intent.payment_method) == ("requires_capture", customer, method)


def test_a_saved_card_needs_its_customer(sdk: stripe.StripeClient) -> None:
    """From memory: the message ("Please include the Customer") is quoted in public repositories."""
    _, method = save(sdk, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        authorise(sdk, method=method)
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        authorise(sdk, method=method, customer=sdk.v1.customers.create().id)


def test_a_detached_card_pays_no_more(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/payment_methods/detach (can no longer be used, nor attached again)."""
    customer, method = save(sdk, "pm_card_visa")
    sdk.v1.payment_methods.detach(method)
    with pytest.raises(stripe.InvalidRequestError, match="detached"):
        authorise(sdk, method=method, customer=customer, off_session=True)


def test_a_card_set_up_with_its_cardholder_pays_off_session_later(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/testing#regulatory-cards and https://docs.stripe.com/payments/save-during-payment."""
    customer, method = save(sdk, "pm_card_authenticationRequiredOnSetup")
    with pytest.raises(stripe.CardError):
        authorise(sdk, method=method, customer=customer, off_session=True)
    first = authorise(sdk, method=method, customer=customer, setup_future_usage="off_session")
    assert first.status == "requires_action"
    emulator.run("authenticate", intent=first.id, succeeds=True)
    assert authorise(sdk, method=method, customer=customer, off_session=True).status == "requires_capture"
    assert authorise(sdk, method=method, customer=customer).status == "requires_action"


def test_a_card_that_is_set_up_needs_its_cardholder_on_session_only(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/testing#regulatory-cards (already set up for off-session payments)."""
    customer, method = save(sdk, "pm_card_authenticationRequiredSetupForOffSession")
    assert authorise(sdk, method=method, customer=customer, off_session=True).status == "requires_capture"
    assert authorise(sdk, method=method, customer=customer).status == "requires_action"
