"""Charges, the attempts of PaymentIntents, and disputes about them: https://docs.stripe.com/api/charges."""

from tests.stripe.emulator.account import Account, Object
from tests.stripe.emulator.cards import DAY, Card
from tests.stripe.emulator.forms import Params


def retrieve(account: Account, params: Params, charge: str) -> Object:  # noqa: ARG001 - as every endpoint
    """Return a charge."""
    return account.find("charge", charge)


def retrieve_dispute(account: Account, params: Params, dispute: str) -> Object:  # noqa: ARG001 - as every endpoint
    """Return a dispute."""
    return account.find("dispute", dispute)


def create(account: Account, intent: Object, method: Object, *, captured: bool, off_session: bool) -> Object:
    """Create the charge of an attempt: authorised, captured or declined by its card."""
    card = account.card(method["id"])
    details: Object = {"brand": card.brand, "last4": card.last4}
    if card.code is None and not captured:
        details["capture_before"] = account.clock.now + card.authorisation_window(off_session=off_session)
    charge = account.create(
        "charge",
        "ch",
        amount=intent["amount"],
        amount_captured=intent["amount"] if captured and card.code is None else 0,
        amount_refunded=0,
        captured=captured and card.code is None,
        currency=intent["currency"],
        customer=intent["customer"],
        disputed=False,
        failure_code=card.code,
        metadata=dict(intent["metadata"]),
        outcome=_outcome(card),
        paid=card.code is None,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"type": "card", "card": details},
        refunded=False,
        status="succeeded" if card.code is None else "failed",
    )
    account.emit("charge.succeeded" if card.code is None else "charge.failed", charge)
    return charge


def _outcome(card: Card) -> Object:
    if card.code is None:
        return {"type": "authorized", "network_status": "approved_by_network", "reason": None}
    return {"type": "issuer_declined", "network_status": "declined_by_network", "reason": card.decline_code}


def dispute(account: Account, reference: str) -> Object:
    """Dispute a captured charge, as a cardholder does at the bank."""
    charge = account.find("charge", reference)
    charge["disputed"] = True
    account.index(charge)
    disputed = account.create(
        "dispute",
        "dp",
        amount=charge["amount_captured"],
        charge=charge["id"],
        currency=charge["currency"],
        evidence_details={"due_by": account.clock.now + 9 * DAY, "has_evidence": False, "submission_count": 0},
        metadata={},
        payment_intent=charge["payment_intent"],
        reason="fraudulent",
        status="needs_response",
    )
    account.emit("charge.dispute.created", disputed)
    return disputed


def close_dispute(account: Account, reference: str, status: str) -> Object:
    """End a dispute as won, lost or, for an inquiry, warning_closed, as the cardholder's bank decides."""
    disputed = account.find("dispute", reference)
    disputed["status"] = status
    account.emit("charge.dispute.closed", disputed)
    return disputed
