"""Capturing and cancelling, each once and never both."""

import pytest
import stripe

from tests.stripe.control_client import Emulator
from tests.stripe.shop import CARD, authorise, capture, charge_of, error_of, pay, refund


def test_a_capture_takes_all_that_is_authorised(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/capture (defaults to the full `amount_capturable`)."""
    captured = capture(sdk, authorise(sdk, 1000).id)
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 1000, 0)
    charge = charge_of(sdk, captured)
    assert (charge.captured, charge.amount_captured, charge.amount_refunded) == (True, 1000, 0)


def test_a_capture_of_less_releases_the_rest(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/capture ("any additional amount is automatically refunded").

    `amount` stays, `amount_received` says what was taken; the rest counts as refunded on the charge, and appears as a
    refund: https://github.com/solidusio/solidus_stripe/pull/268.
    """
    captured = capture(sdk, authorise(sdk, 1000).id, 700)
    assert (captured.amount, captured.amount_received, captured.amount_capturable) == (1000, 700, 0)
    charge = charge_of(sdk, captured)
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (700, 300, False)
    released = sdk.v1.refunds.list({"payment_intent": captured.id}).data
    assert [(each.amount, each.metadata and each.metadata.to_dict()) for each in released] == [(300, {})]


def test_a_release_may_leave_no_refund_in_the_list(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """From memory: newer accounts list no refund for what a capture releases; a setting, as sources differ."""
    emulator.reset(released_as_refund=False)
    captured = capture(sdk, authorise(sdk, 1000).id, 700)
    assert sdk.v1.refunds.list({"payment_intent": captured.id}).data == []


def test_more_than_is_authorised_cannot_be_captured(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/capture ("less than or equal to the original amount")."""
    intent = authorise(sdk, 1000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        capture(sdk, intent.id, 1001)
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount_to_capture")
    assert capture(sdk, intent.id, 1000).status == "succeeded"


def test_a_payment_is_captured_once(sdk: stripe.StripeClient) -> None:
    """Source: https://github.com/stripe/stripe-php/issues/818 (message and code of a second capture)."""
    intent = authorise(sdk, 1000)
    capture(sdk, intent.id, 400)
    with pytest.raises(stripe.InvalidRequestError, match="has already been captured") as refused:
        capture(sdk, intent.id, 600)
    assert refused.value.code == "payment_intent_unexpected_state"
    intent_then = error_of(refused).payment_intent
    assert (intent_then.status, intent_then.amount_received) == ("succeeded", 400)


def test_what_is_not_authorised_cannot_be_captured(sdk: stripe.StripeClient) -> None:
    """Source: https://github.com/grandnode/grandnode/issues/985, which quotes the whole error."""
    params = {**CARD, "amount": 1000, "capture_method": "manual", "payment_method": "pm_card_visa"}
    intent = sdk.v1.payment_intents.create(params)  # type: ignore[arg-type] # a plain dict
    assert intent.status == "requires_confirmation"
    with pytest.raises(stripe.InvalidRequestError, match="could not be captured because it has a status of") as refused:
        capture(sdk, intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_second_partial_capture_is_not_available(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/capture (`final_capture` needs multicapture)."""
    with pytest.raises(stripe.InvalidRequestError, match="Multicapture"):
        sdk.v1.payment_intents.capture(authorise(sdk).id, {"amount_to_capture": 100, "final_capture": False})


def test_a_cancelled_authorisation_is_released(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/cancel ("remaining `amount_capturable` is refunded")."""
    intent = authorise(sdk, 1000)
    cancelled = sdk.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "requested_by_customer"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "requested_by_customer")
    assert (cancelled.amount_capturable, cancelled.amount_received) == (0, 0)
    charge = charge_of(sdk, cancelled)
    assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 1000)


def test_nothing_is_captured_after_a_cancellation(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/cancel ("any operations … fail with an error")."""
    intent = authorise(sdk)
    sdk.v1.payment_intents.cancel(intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled") as refused:
        capture(sdk, intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        sdk.v1.payment_intents.confirm(intent.id)


def test_nothing_is_cancelled_after_a_capture(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/cancel (`succeeded` is not among the statuses)."""
    intent = authorise(sdk)
    capture(sdk, intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded") as refused:
        sdk.v1.payment_intents.cancel(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_second_cancellation_is_refused(sdk: stripe.StripeClient) -> None:
    """Source: https://github.com/solidusio/solidus_stripe/issues/64, which quotes the message."""
    intent = authorise(sdk)
    sdk.v1.payment_intents.cancel(intent.id, options={"idempotency_key": "v"})
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        sdk.v1.payment_intents.cancel(intent.id, options={"idempotency_key": "other"})
    assert sdk.v1.payment_intents.cancel(intent.id, options={"idempotency_key": "v"}).status == "canceled"


def test_a_payment_that_waits_for_its_cardholder_can_be_cancelled(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/cancel (`requires_action` is among the statuses)."""
    intent = authorise(sdk, method="pm_card_authenticationRequired")
    assert sdk.v1.payment_intents.cancel(intent.id).status == "canceled"
    assert emulator.book("charge") == []


def test_an_uncaptured_or_cancelled_payment_cannot_be_refunded(sdk: stripe.StripeClient) -> None:
    """From memory: the message is quoted in public repositories for a cancelled payment."""
    intent = authorise(sdk)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
            refund(sdk, intent.id)
        if intent.status != "canceled":
            intent = sdk.v1.payment_intents.cancel(intent.id)


def test_the_amount_of_a_confirmed_payment_is_fixed(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/error-codes#payment-intent-unexpected-state."""
    for intent in (authorise(sdk, 1000), pay(sdk, 1000)):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            sdk.v1.payment_intents.update(intent.id, {"amount": 900})
        assert refused.value.code == "payment_intent_unexpected_state"


def test_an_unknown_reason_is_refused(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/cancel (values of `cancellation_reason`)."""
    intent = authorise(sdk)
    with pytest.raises(stripe.InvalidRequestError):
        sdk.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "expired"})
