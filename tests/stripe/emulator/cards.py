"""Test payment methods by their documented names: https://docs.stripe.com/testing.

Names that only other repositories use are not here. What each does is from that page, as kept in public mirrors of it.
"""

from dataclasses import dataclass
from typing import Literal

DAY = 24 * 60 * 60
CUSTOMER_INITIATED = 7 * DAY
# https://docs.stripe.com/payments/place-a-hold-on-a-payment-method: "4 days and 18 hours, to allow time for clearing".
VISA_MERCHANT_INITIATED = 4 * DAY + 18 * 60 * 60


@dataclass(frozen=True)
class Card:
    """How a card behaves."""

    brand: str = "visa"
    last4: str = "4242"
    code: str | None = None
    """The error code of its decline; None: the issuer approves."""
    decline_code: str | None = None
    authentication: Literal["never", "always", "unless_set_up", "on_session"] = "never"
    refunds: Literal["succeed", "pend", "fail"] = "succeed"
    disputed: bool = False

    def needs_authentication(self, *, off_session: bool, set_up: bool) -> bool:
        """Whether the cardholder must authenticate this payment."""
        match self.authentication:
            case "always":
                return True
            case "unless_set_up":
                return not (off_session and set_up)
            case "on_session":
                return not off_session
            case _:
                return False

    def authorisation_window(self, *, off_session: bool) -> int:
        """Return for how many seconds an authorisation holds."""
        return VISA_MERCHANT_INITIATED if off_session and self.brand == "visa" else CUSTOMER_INITIATED


def _declined(decline_code: str, last4: str, code: str = "card_declined") -> Card:
    return Card(last4=last4, code=code, decline_code=decline_code)


_DECLINES = {
    "": _declined("generic_decline", "0002"),
    "InsufficientFunds": _declined("insufficient_funds", "9995"),
    "LostCard": _declined("lost_card", "9987"),
    "StolenCard": _declined("stolen_card", "9979"),
    "ExpiredCard": _declined("expired_card", "0069", "expired_card"),
    "IncorrectCvc": _declined("incorrect_cvc", "0127", "incorrect_cvc"),
    "ProcessingError": _declined("processing_error", "0119", "processing_error"),
}
_NEEDY = "pm_card_authenticationRequired"
CARDS: dict[str, Card] = {
    "pm_card_visa": Card(),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_amex": Card("amex", "8431"),
    **{f"pm_card_chargeDeclined{name}": card for name, card in _DECLINES.items()},
    **{f"pm_card_visa_chargeDeclined{name}": card for name, card in _DECLINES.items()},
    "pm_card_chargeCustomerFail": _declined("generic_decline", "0341"),
    _NEEDY: Card(last4="3184", authentication="always"),
    f"{_NEEDY}OnSetup": Card(last4="3155", authentication="unless_set_up"),
    f"{_NEEDY}SetupForOffSession": Card(last4="0446", authentication="on_session"),
    f"{_NEEDY}ChargeDeclinedInsufficientFunds": Card(
        last4="3178", code="card_declined", decline_code="insufficient_funds", authentication="always"
    ),
    "pm_card_createDispute": Card(last4="0259", disputed=True),
    "pm_card_pendingRefund": Card(last4="7726", refunds="pend"),
    "pm_card_refundFail": Card(last4="5126", refunds="fail"),
}
