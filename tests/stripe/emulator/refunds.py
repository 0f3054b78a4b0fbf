"""Refunds: https://docs.stripe.com/api/refunds and https://docs.stripe.com/refunds."""

from tests.stripe.emulator.account import Account, Object
from tests.stripe.emulator.currencies import check_steps
from tests.stripe.emulator.errors import ApiError, invalid
from tests.stripe.emulator.forms import Params

REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def retrieve(account: Account, params: Params, refund: str) -> Object:  # noqa: ARG001 - as every endpoint
    """Return a refund."""
    return account.find("refund", refund)


def update(account: Account, params: Params, refund: str) -> Object:
    """Change a refund's metadata."""
    found = account.find("refund", refund)
    found["metadata"] = params.metadata(found["metadata"])
    account.emit("refund.updated", found)
    return found


def create(account: Account, params: Params) -> Object:
    """Refund a charge, in part or what remains of it, and never more than was captured."""
    amount, reason, metadata = params.integer("amount"), params.text("reason"), params.metadata({})
    if reason not in (None, *REASONS):
        raise invalid(f"Invalid reason: must be one of {', '.join(REASONS)}", "reason")
    charge = _find_charge(account, params)
    remaining = charge["amount"] - charge["amount_refunded"]
    if remaining == 0:
        raise ApiError(400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if charge["disputed"]:
        raise ApiError(400, f"Charge {charge['id']} has been charged back.", code="charge_disputed")
    amount = amount or remaining
    check_steps(amount, charge["currency"])
    if amount > remaining:
        # As Stripe's own, this error has no code.
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({remaining})"
        raise ApiError(400, message, param="amount")
    return _record(account, charge, amount, reason, metadata)


def _find_charge(account: Account, params: Params) -> Object:
    intent, reference = params.text("payment_intent"), params.text("charge")
    if intent is None and reference is None:
        raise invalid("One of the following params should be provided: payment_intent or charge.", "charge")
    if intent is not None:
        reference = account.find("payment_intent", intent, "payment_intent", 400)["latest_charge"]
    charge = account.find("charge", reference, "charge", 400) if reference is not None else None
    if charge is None or not charge["captured"]:
        owner = intent or (charge or {}).get("payment_intent")
        message = f"This PaymentIntent ({owner}) does not have a successful charge to refund."
        raise ApiError(400, message, param="payment_intent")
    return charge


def _record(account: Account, charge: Object, amount: int, reason: str | None, metadata: dict[str, str]) -> Object:
    behaviour = account.card(charge["payment_method"]).refunds
    waits = account.settings.refunds_wait
    refund = _new(account, charge, amount, reason=reason, metadata=metadata)
    if waits or behaviour == "pend":
        refund |= {"status": "pending", "pending_reason": "insufficient_funds" if waits else "processing"}
    if behaviour != "succeed" and not waits:
        kind = "refund_succeeds" if behaviour == "pend" else "refund_fails"
        account.happen_at(account.clock.now + account.settings.refund_delay, kind, refund["id"])
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    account.emit("refund.created", refund)
    account.emit("charge.refunded", charge)
    return refund


def _new(account: Account, charge: Object, amount: int, *, reason: str | None, metadata: dict[str, str]) -> Object:
    return account.create(
        "refund",
        "re",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        metadata=metadata,
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="succeeded",
    )


def record_release(account: Account, charge: Object, amount: int) -> None:
    """Record what a partial capture has released as a refund: it is in the list, without metadata."""
    released = _new(account, charge, amount, reason=None, metadata={})
    account.emit("refund.created", released)
    account.emit("charge.refunded", charge)


def succeed(account: Account, reference: str) -> None:
    """Complete a pending refund."""
    refund = account.find("refund", reference)
    if refund["status"] != "pending":
        return
    refund |= {"status": "succeeded"}
    refund.pop("pending_reason")
    account.emit("refund.updated", refund, {"status": "pending"})
    account.emit("charge.refund.updated", refund, {"status": "pending"})


def fail(account: Account, reference: str) -> None:
    """Return a refund that its card does not take to the account; it may have been `succeeded` before."""
    refund = account.find("refund", reference)
    before = refund["status"]
    if before == "failed":
        return
    refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    refund.pop("pending_reason", None)
    charge = account.find("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    account.index(charge)
    for event in ("refund.updated", "refund.failed", "charge.refund.updated"):
        account.emit(event, refund, {"status": before})
