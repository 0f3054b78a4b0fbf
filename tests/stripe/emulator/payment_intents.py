"""PaymentIntents as endpoints: https://docs.stripe.com/api/payment_intents."""

from typing import Any

from tests.stripe.emulator import attempts, charges, refunds
from tests.stripe.emulator.account import Account, Object
from tests.stripe.emulator.currencies import check_amount, check_currency, check_steps
from tests.stripe.emulator.errors import ApiError, invalid, unexpected_state
from tests.stripe.emulator.forms import Params
from tests.stripe.emulator.payment_methods import check_owner, resolve

CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELLABLE = (*OPEN, "requires_capture", "processing")
REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")


def retrieve(account: Account, params: Params, intent: str) -> Object:  # noqa: ARG001 - as every endpoint
    """Return a PaymentIntent."""
    return account.find("payment_intent", intent, "intent")


def create(account: Account, params: Params) -> Object:
    """Create a PaymentIntent, and confirm it if the request says so."""
    members = _read_new(account, params)
    if params.flag("confirm"):
        attempts.check_redirects(params, members["automatic_payment_methods"])
    elif params.text("off_session") or params.text("error_on_requires_action"):
        raise invalid("You may only pass this parameter when `confirm` is `true`.", "off_session")
    intent = account.create("payment_intent", "pi", **members)
    intent["client_secret"] = f"{intent['id']}_secret_emulated"
    account.emit("payment_intent.created", intent)
    return attempts.confirm(account, params, intent) if params.flag("confirm") else intent


def _read_new(account: Account, params: Params) -> dict[str, Any]:
    amount, currency = params.integer("amount"), params.required("currency")
    if amount is None:
        raise invalid("Missing required param: amount.", "amount", "parameter_missing")
    check_currency(currency)
    capture_method = params.text("capture_method") or "automatic_async"
    if capture_method not in CAPTURE_METHODS:
        raise invalid(f"Invalid capture_method: must be one of {', '.join(CAPTURE_METHODS)}", "capture_method")
    customer, metadata = params.text("customer"), params.metadata({})
    if customer is not None:
        account.find("customer", customer, "customer", 400)
    check_amount(amount, currency, account.settings)
    method = params.text("payment_method")
    resolved = resolve(account, method) if method is not None else None
    if resolved is not None:
        check_owner(resolved, customer)
    if params.texts("payment_method_types"):
        raise invalid(
            "The parameter `payment_method_types` is no longer supported.",
            "payment_method_types",
            "payment_method_types_no_longer_supported",
        )
    return {
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        # On by default since version 2023-08-16: https://docs.stripe.com/upgrades#2023-08-16
        "automatic_payment_methods": _redirects(params),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": capture_method,
        "currency": currency,
        "customer": customer,
        "description": params.text("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": metadata,
        "next_action": None,
        "payment_method": None if resolved is None else resolved["id"],
        "payment_method_types": ["card"],
        "setup_future_usage": params.text("setup_future_usage"),
        "status": "requires_payment_method" if resolved is None else "requires_confirmation",
    }


def _redirects(params: Params) -> dict[str, Any]:
    return {
        "enabled": True,
        "allow_redirects": params.nested("automatic_payment_methods").text("allow_redirects") or "always",
    }


def confirm(account: Account, params: Params, intent: str) -> Object:
    """Confirm a PaymentIntent."""
    found = account.find("payment_intent", intent, "intent")
    if found["status"] not in OPEN:
        again = "already succeeded after being previously confirmed" if found["status"] == "succeeded" else ""
        reason = again or f"a status of {found['status']}"
        raise unexpected_state(f"You cannot confirm this PaymentIntent because it has {reason}.", found)
    attempts.check_redirects(params, found["automatic_payment_methods"])
    if (method := params.text("payment_method")) is not None:
        resolved = resolve(account, method)
        check_owner(resolved, found["customer"])
        found["payment_method"] = resolved["id"]
    return attempts.confirm(account, params, found)


def update(account: Account, params: Params, intent: str) -> Object:
    """Change a PaymentIntent's metadata or description, and its amount while it is open."""
    found = account.find("payment_intent", intent, "intent")
    metadata, amount = params.metadata(found["metadata"]), params.integer("amount")
    if amount is not None:
        if found["status"] not in OPEN:
            raise unexpected_state(
                f"This PaymentIntent's amount could not be updated because it has a status of {found['status']}.", found
            )
        check_amount(amount, found["currency"], account.settings)
        found["amount"] = amount
    found["metadata"] = metadata
    found["description"] = params.text("description") or found["description"]
    account.index(found)
    return found


def capture(account: Account, params: Params, intent: str) -> Object:
    """Capture an authorised amount, once: what is not captured is released."""
    found = account.find("payment_intent", intent, "intent")
    metadata, amount = params.metadata(found["metadata"]), params.integer("amount_to_capture")
    if found["status"] != "requires_capture":
        reason = "already been captured" if found["status"] == "succeeded" else f"a status of {found['status']}"
        message = f"This PaymentIntent could not be captured because it has {reason}."
        raise unexpected_state(
            f"{message} Only a PaymentIntent with this status may be captured: requires_capture.", found
        )
    if not params.flag("final_capture", default=True):
        raise ApiError(400, "Multicapture is not available for this PaymentIntent.", param="final_capture")
    amount = amount or found["amount_capturable"]
    if amount > found["amount_capturable"]:
        message = (
            f"The amount to capture ({amount}) is greater than the capturable amount ({found['amount_capturable']})."
        )
        raise ApiError(400, message, code="amount_too_large", param="amount_to_capture")
    check_steps(amount, found["currency"])
    found["metadata"] = metadata
    charge = account.find("charge", found["latest_charge"])
    released = charge["amount"] - amount
    charge |= {"captured": True, "amount_captured": amount, "amount_refunded": released}
    found |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    account.emit("charge.captured", charge)
    if released and account.settings.released_as_refund:
        refunds.record_release(account, charge, released)
    account.emit("payment_intent.succeeded", found)
    if account.card(found["payment_method"]).disputed:
        charges.dispute(account, charge["id"])
    return found


def cancel(account: Account, params: Params, intent: str) -> Object:
    """Cancel a PaymentIntent that has not succeeded; what it has authorised is released."""
    found = account.find("payment_intent", intent, "intent")
    reason = params.text("cancellation_reason")
    if reason not in (None, *REASONS):
        raise invalid(f"Invalid cancellation_reason: must be one of {', '.join(REASONS)}", "cancellation_reason")
    if found["status"] not in CANCELLABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {found['status']}. Only a PaymentIntent"
            f" with one of the following statuses may be canceled: {', '.join(CANCELLABLE)}.",
            found,
        )
    attempts.release(account, found, reason, "charge.refunded")
    return found
