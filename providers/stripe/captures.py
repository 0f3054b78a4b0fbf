"""Captures authorisations."""

from typing import NoReturn

from stripe.params import PaymentIntentCaptureParams

from domain.money import Money
from providers.errors import AuthorisationEndedError, PaymentDeclinedError, ProviderUnavailableError
from providers.stripe.account import Account
from providers.stripe.amounts import UnpayableAmountError, to_stripe
from providers.stripe.failures import RejectedError
from providers.stripe.lookup import Lookup, Place
from providers.stripe.objects import CAPTURE, KEY, Intent

_ENDED_BY_ITSELF = ("automatic", "expired")
"""Reasons of a cancellation that Stripe made by itself."""
_ENDED_CODES = ("capture_charge_authorization_expired", "charge_expired_for_capture")
_DECLINED_CODES = ("amount_too_large", "amount_too_small")


def capture(account: Account, lookup: Lookup, mark: str, reference: str, amount: Money) -> str:
    """Capture an amount of a PaymentIntent, once; return the id of its charge.

    Raises PaymentDeclinedError and AuthorisationEndedError.
    """
    lookup.places.note(mark, Place(intent=reference))
    intent = account.intent(reference)
    if KEY not in intent.metadata or intent.currency != amount.currency.lower():
        raise ProviderUnavailableError("the authorisation lacks our key or has another currency")
    try:
        units = to_stripe(amount)
    except UnpayableAmountError:
        raise PaymentDeclinedError("amount") from None
    if intent.status == "requires_capture":
        intent = _capture(account, mark, intent, units)
    return _read(intent, reference, mark, units, amount.currency.lower())


def _capture(account: Account, mark: str, intent: Intent, units: int) -> Intent:
    def done() -> Intent | None:
        now = account.intent(intent.id)
        return now if now.status != "requires_capture" else None

    params: PaymentIntentCaptureParams = {"amount_to_capture": units, "metadata": {CAPTURE: mark}}
    try:
        return account.capture_intent(f"{mark}/capture", intent.id, params, done)
    except RejectedError as error:
        # What the PaymentIntent is now decides: it may have been captured, cancelled or have ended meanwhile.
        now = done()
        if now is None:
            _refuse(error)
        return now


def _refuse(error: RejectedError) -> NoReturn:
    if error.code in _ENDED_CODES:
        raise AuthorisationEndedError(error.code) from None
    if error.card or error.code in _DECLINED_CODES:
        raise PaymentDeclinedError(error.code) from None
    raise error


def _read(intent: Intent, reference: str, mark: str, units: int, currency: str) -> str:
    """Return the charge of a PaymentIntent that is captured under this key, with this amount."""
    if intent.id != reference:
        raise ProviderUnavailableError("it is another PaymentIntent")
    if intent.status == "canceled":
        if intent.cancellation_reason in _ENDED_BY_ITSELF:
            raise AuthorisationEndedError
        raise PaymentDeclinedError("cancelled")
    if intent.status != "succeeded" or intent.latest_charge is None:
        raise ProviderUnavailableError(f"the PaymentIntent is {intent.status}")
    if (intent.amount_received, intent.currency) != (units, currency) or intent.metadata.get(CAPTURE) != mark:
        raise ProviderUnavailableError("it was captured otherwise")
    return intent.latest_charge.id
