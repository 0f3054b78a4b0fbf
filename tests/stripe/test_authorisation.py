"""Authorising: cards that approve, decline, need their cardholder, and authorisations that end."""

from typing import Any

import pytest
import stripe

from tests.stripe.control_client import Emulator
from tests.stripe.shop import CARD, authorise, capture, charge_of, error_of, pay

DAY = 24 * 60 * 60
DECLINES = {
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": ("card_declined", "lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": ("card_declined", "stolen_card"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", "expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": ("incorrect_cvc", "incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", "processing_error"),
}


def test_a_confirmed_manual_payment_waits_for_its_capture(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/payments/paymentintents/lifecycle and …/place-a-hold-on-a-payment-method."""
    intent = authorise(sdk, 1000)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 1000, 0)
    charge = charge_of(sdk, intent)
    assert (charge.status, charge.captured, charge.amount_captured) == ("succeeded", False, 0)


def test_a_payment_is_created_first_and_confirmed_later(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/payments/paymentintents/lifecycle."""
    params = {**CARD, "amount": 1000, "capture_method": "manual"}
    intent = sdk.v1.payment_intents.create(params)  # type: ignore[arg-type] # a plain dict
    assert intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        sdk.v1.payment_intents.confirm(intent.id)
    confirmed = sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert confirmed.status == "requires_capture"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.payment_intents.confirm(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize("method", DECLINES)
def test_a_declined_card_is_402_with_its_reason(sdk: stripe.StripeClient, method: str) -> None:
    """Source: https://docs.stripe.com/testing#declined-payments and https://docs.stripe.com/declines/codes."""
    with pytest.raises(stripe.CardError) as refused:
        authorise(sdk, method=method)
    error = error_of(refused)
    assert refused.value.http_status == 402
    assert (error.type, error.code, error.decline_code) == ("card_error", *DECLINES[method])
    assert error.payment_intent.status == "requires_payment_method"


def test_a_declined_payment_may_be_confirmed_with_another_card(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/payments/paymentintents/lifecycle (back to `requires_payment_method`)."""
    with pytest.raises(stripe.CardError) as refused:
        authorise(sdk, method="pm_card_chargeDeclined")
    error = error_of(refused)
    intent = sdk.v1.payment_intents.retrieve(error.payment_intent.id)
    assert (intent.payment_method, intent.last_payment_error is None) == (None, False)
    assert sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "requires_capture"


def test_a_card_that_needs_its_cardholder_requires_action(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/testing#regulatory-cards and …/payments/paymentintents/lifecycle."""
    intent = authorise(sdk, method="pm_card_authenticationRequired")
    assert (intent.status, intent.next_action is None) == ("requires_action", False)
    emulator.run("authenticate", intent=intent.id, succeeds=True)
    assert sdk.v1.payment_intents.retrieve(intent.id).status == "requires_capture"


def test_failed_authentication_asks_for_another_payment_method(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/error-codes#payment-intent-authentication-failure."""
    intent = authorise(sdk, method="pm_card_authenticationRequired")
    emulator.run("authenticate", intent=intent.id, succeeds=False)
    failed = sdk.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"


def test_an_authenticated_card_may_still_be_declined(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/testing#regulatory-cards (always authenticate, then insufficient funds)."""
    intent = authorise(sdk, method="pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
    emulator.run("authenticate", intent=intent.id, succeeds=True)
    failed = sdk.v1.payment_intents.retrieve(intent.id)
    assert failed.last_payment_error is not None
    assert (failed.status, failed.last_payment_error.decline_code) == ("requires_payment_method", "insufficient_funds")


def test_payment_methods_that_redirect_need_a_return_url(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/upgrades#2023-08-16 (automatic payment methods by default)."""
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        authorise(sdk, automatic_payment_methods={"enabled": True})
    assert authorise(sdk).status == "requires_capture"
    anywhere: dict[str, Any] = {"automatic_payment_methods": {"enabled": True}}
    assert authorise(sdk, return_url="https://shop.example/back", **anywhere).status == "requires_capture"


def test_payment_method_types_cannot_be_chosen(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        authorise(sdk, payment_method_types=["card"])
    assert refused.value.code == "payment_method_types_no_longer_supported"
    assert authorise(sdk).payment_method_types == ["card"]


@pytest.mark.parametrize(
    ("method", "off_session", "window"),
    [
        ("pm_card_visa", False, 7 * DAY),
        ("pm_card_visa", True, 4 * DAY + 18 * 60 * 60),
        ("pm_card_mastercard", True, 7 * DAY),
        ("pm_card_amex", False, 7 * DAY),
    ],
)
def test_an_authorisation_ends_by_itself_at_capture_before(
    sdk: stripe.StripeClient, emulator: Emulator, method: str, *, off_session: bool, window: int
) -> None:
    """Source: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method (validity windows, "canceled").

    From memory: the reason is `automatic`; the SDK also lists `expired`.
    """
    intent = authorise(sdk, method=method, off_session=off_session)
    details = charge_of(sdk, intent).payment_method_details
    assert details is not None
    assert details.card is not None
    assert details.card.capture_before == intent.created + window
    emulator.advance(window - 1)
    assert sdk.v1.payment_intents.retrieve(intent.id).status == "requires_capture"
    emulator.advance(1)
    ended = sdk.v1.payment_intents.retrieve(intent.id)
    assert (ended.status, ended.cancellation_reason, ended.amount_capturable) == ("canceled", "automatic", 0)
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        capture(sdk, intent.id)


def test_each_authorisation_ends_at_its_own_time(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: the clock may be moved past several ends at once."""
    long, short = authorise(sdk, method="pm_card_mastercard"), authorise(sdk, off_session=True)
    emulator.advance(30 * DAY)
    ended = [sdk.v1.payment_intents.retrieve(each.id) for each in (short, long)]
    assert [each.canceled_at for each in ended] == [short.created + 4 * DAY + 18 * 60 * 60, long.created + 7 * DAY]
    events = sdk.v1.events.list({"type": "payment_intent.canceled"}).data[::-1]
    assert [each.data.object["id"] for each in events] == [short.id, long.id]


def test_a_captured_payment_does_not_end(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method (uncaptured payments end)."""
    intent = authorise(sdk)
    capture(sdk, intent.id)
    emulator.advance(8 * DAY)
    assert sdk.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_payment_without_manual_capture_succeeds_at_once(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/payments/paymentintents/lifecycle."""
    intent = pay(sdk, 1000)
    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
