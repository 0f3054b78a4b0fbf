"""What a shop does, in one line each: tests say only what matters to them."""

from typing import Any

import pytest
import stripe

NO_REDIRECTS = {"enabled": True, "allow_redirects": "never"}
CARD: dict[str, Any] = {"automatic_payment_methods": NO_REDIRECTS, "currency": "eur"}
AUTHORISE: dict[str, Any] = CARD | {"capture_method": "manual", "confirm": True}


def authorise(
    sdk: stripe.StripeClient, amount: int = 1000, method: str = "pm_card_visa", key: str | None = None, **more: Any
) -> stripe.PaymentIntent:
    """Authorise an amount with a card."""
    params: Any = AUTHORISE | {"amount": amount, "payment_method": method, **more}
    return sdk.v1.payment_intents.create(params, options(key))


def pay(
    sdk: stripe.StripeClient, amount: int = 1000, method: str = "pm_card_visa", **more: Any
) -> stripe.PaymentIntent:
    """Authorise and capture an amount with a card."""
    return authorise(sdk, amount, method, capture_method="automatic", **more)


def capture(
    sdk: stripe.StripeClient, intent: str, amount: int | None = None, key: str | None = None
) -> stripe.PaymentIntent:
    """Capture an authorised amount, or part of it."""
    return sdk.v1.payment_intents.capture(intent, {} if amount is None else {"amount_to_capture": amount}, options(key))


def refund(sdk: stripe.StripeClient, intent: str, amount: int | None = None, key: str | None = None) -> stripe.Refund:
    """Refund a payment, or part of it."""
    params: Any = {"payment_intent": intent} if amount is None else {"payment_intent": intent, "amount": amount}
    return sdk.v1.refunds.create(params, options(key))


def charge_of(sdk: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    """Return the latest charge of a PaymentIntent."""
    return sdk.v1.charges.retrieve(str(intent.latest_charge))


def error_of(refused: pytest.ExceptionInfo[stripe.StripeError]) -> Any:
    """Return the error object of an exception of the SDK."""
    assert refused.value.error is not None
    return refused.value.error


def headers_of(refused: pytest.ExceptionInfo[stripe.StripeError]) -> dict[str, str]:
    """Return the headers of an error response, names in lower case."""
    return {name.lower(): value for name, value in (refused.value.headers or {}).items()}


def options(key: str | None) -> Any:
    """Return the SDK's options of a request under an idempotency key."""
    return {} if key is None else {"idempotency_key": key}
