"""Attempts at a PaymentIntent: authentication, the card's answer, and the end of an authorisation."""

from typing import Any

from tests.stripe.emulator import charges
from tests.stripe.emulator.account import Account, Object
from tests.stripe.emulator.errors import ApiError, card_error, invalid, unexpected_state
from tests.stripe.emulator.forms import Params

DECLINED = "Your card was declined."
AUTHENTICATE = "Your card was declined. This transaction requires authentication."
AUTHENTICATION_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod"
    " to attempt to fulfill this PaymentIntent again."
)


def check_redirects(params: Params, automatic: dict[str, Any] | None) -> None:
    """Raise if payment methods that redirect are allowed and there is nowhere to come back to."""
    if automatic is not None and automatic["allow_redirects"] == "always" and params.text("return_url") is None:
        message = (
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of"
            " these payment methods might redirect your customer off of your page, you must provide a `return_url`."
            " If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to"
            " `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Payment Intents."
        )
        raise ApiError(400, message)


def confirm(account: Account, params: Params, intent: Object) -> Object:
    """Attempt a payment: it succeeds, is authorised, needs its cardholder, or is declined."""
    if intent["payment_method"] is None:
        raise unexpected_state("You cannot confirm this PaymentIntent because it's missing a payment method.", intent)
    if intent["payment_method"] not in account.book.cards:
        raise invalid("This PaymentMethod was detached from a Customer and cannot be used again.", "payment_method")
    reference, off_session = intent["payment_method"], params.flag("off_session")
    set_up = reference in account.book.set_up
    if not account.card(reference).needs_authentication(off_session=off_session, set_up=set_up):
        return charge(account, intent, off_session=off_session)
    if off_session or params.flag("error_on_requires_action"):
        raise _fail(account, intent, AUTHENTICATE, "authentication_required", "authentication_required")
    intent["status"] = "requires_action"
    intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    account.emit("payment_intent.requires_action", intent)
    return intent


def charge(account: Account, intent: Object, *, off_session: bool) -> Object:
    """Let the card's issuer answer."""
    method = account.find("payment_method", intent["payment_method"])
    card, manual = account.card(method["id"]), intent["capture_method"] == "manual"
    created = charges.create(account, intent, method, captured=not manual, off_session=off_session)
    intent |= {"latest_charge": created["id"], "next_action": None}
    if card.code is not None:
        raise _fail(account, intent, DECLINED, card.code, card.decline_code, charge=created["id"])
    intent["last_payment_error"] = None
    if intent["setup_future_usage"] == "off_session" and intent["customer"] is not None:
        method["customer"] = intent["customer"]
        account.book.set_up.add(method["id"])
    if manual:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        account.happen_at(created["payment_method_details"]["card"]["capture_before"], "expire", intent["id"])
        account.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    account.emit("payment_intent.succeeded", intent)
    if card.disputed:
        charges.dispute(account, created["id"])
    return intent


def _fail(
    account: Account, intent: Object, message: str, code: str, decline_code: str | None, **members: Any
) -> ApiError:
    """Return the error of an attempt that failed; the PaymentIntent needs another payment method."""
    method = account.find("payment_method", intent["payment_method"])
    last = {"type": "card_error", "message": message, "code": code, "decline_code": decline_code} | members
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent["last_payment_error"] = last | {"payment_method": dict(method)}
    account.emit("payment_intent.payment_failed", intent)
    return card_error(message, code, decline_code, intent, payment_method=dict(method), **members)


def authenticate(account: Account, reference: str, *, succeeds: bool) -> Object:
    """Let the cardholder authenticate a payment, or fail to; the answer is the PaymentIntent, declined or not."""
    intent = account.find("payment_intent", reference, "intent")
    if intent["status"] != "requires_action":
        raise unexpected_state("This PaymentIntent waits for no authentication.", intent)
    if not succeeds:
        _fail(account, intent, AUTHENTICATION_FAILED, "payment_intent_authentication_failure", None)
        return intent
    try:
        return charge(account, intent, off_session=False)
    except ApiError:
        return intent  # declined: the cardholder's browser is answered, and the shop by an event


def release(account: Account, intent: Object, reason: str | None, event: str) -> None:
    """End a PaymentIntent and release what it has authorised."""
    authorised = intent["status"] == "requires_capture"
    intent |= {"status": "canceled", "canceled_at": account.clock.now, "cancellation_reason": reason}
    intent |= {"amount_capturable": 0, "next_action": None}
    if authorised:
        released = account.find("charge", intent["latest_charge"])
        released |= {"refunded": True, "amount_refunded": released["amount"]}
        account.emit(event, released)
    account.emit("payment_intent.canceled", intent)


def expire(account: Account, reference: str) -> None:
    """Cancel a PaymentIntent whose authorisation was not captured in time."""
    intent = account.find("payment_intent", reference)
    if intent["status"] == "requires_capture":
        release(account, intent, "automatic", "charge.expired")
