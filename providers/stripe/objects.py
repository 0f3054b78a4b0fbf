"""What the adapter reads of Stripe's objects; an answer that does not fit is no answer."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

KEY = "changeover_key"
"""Metadata of a PaymentIntent, and of a Refund: the mark of our key of it."""
TENANT = "changeover_tenant"
CLAIM = "changeover_claim"
"""Metadata of a PaymentIntent of the shop: the mark of our key that begins to claim it."""
CAPTURE = "changeover_capture"
"""Metadata of a PaymentIntent: the mark of our key of its capture."""
HANDED_OVER = "changeover_handed_over"
"""Metadata of a PaymentIntent that we left to the shop because its payer must act: the mark of our key before."""
AUTHENTICATION_REQUIRED = "authentication_required"
"""The code of a payment off session whose payer must authenticate."""
PLACEHOLDER = "changeover_placeholder"
"""Metadata of a PaymentIntent that only takes a key out of use, so that nothing is authorised under it any more."""


def mark_of(tenant: str, key: str) -> str:
    """Return what stands for our key in metadata and idempotency keys: tenants may share an account."""
    return f"{tenant}:{key}"


def refund_pointer(mark: str) -> str:
    """Return the metadata of a PaymentIntent by which a refund is found: refunds themselves cannot be searched.

    A name has at most 40 characters.
    """
    return f"changeover_refund_{hashlib.sha256(mark.encode()).hexdigest()[:20]}"


class _Object(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    metadata: dict[str, str] = {}


class Charge(_Object):
    """An attempt at a payment: authorised, captured or failed."""

    id: Annotated[str, Field(pattern=r"^(ch|py)_\w{1,90}$")]
    object: Literal["charge"]
    amount_refunded: int
    captured: bool
    currency: str
    payment_intent: str | None
    status: str
    payment_method_details: dict[str, Any] | None = None

    @property
    def ends_at(self) -> datetime | None:
        """When the authorisation ends by itself, by Stripe's clock; None where a card's charge does not say so."""
        card = (self.payment_method_details or {}).get("card")
        before = card.get("capture_before") if isinstance(card, dict) else None
        return datetime.fromtimestamp(before, UTC) if isinstance(before, int) else None


class Intent(_Object):
    """A PaymentIntent with its latest charge."""

    id: Annotated[str, Field(pattern=r"^pi_\w{1,90}$")]
    object: Literal["payment_intent"]
    amount: int
    amount_received: int
    capture_method: str
    currency: str
    status: str
    cancellation_reason: str | None = None
    last_payment_error: dict[str, Any] | None = None
    latest_charge: Charge | None = None

    @property
    def needs_payer(self) -> bool:
        """Whether its payer must authenticate before it can be authorised."""
        refused = self.status == "requires_payment_method" and (self.last_payment_error or {}).get("code")
        return self.status == "requires_action" or refused == AUTHENTICATION_REQUIRED


class Refund(_Object):
    """A refund of a charge."""

    id: str
    object: Literal["refund"]
    amount: int
    charge: str | None
    currency: str
    status: str


class PaymentMethod(_Object):
    """A payment method; one that is saved has a customer."""

    id: str
    object: Literal["payment_method"]
    type: str
    customer: str | None = None


class Listed(BaseModel):
    """An object of a list or of a search, of which only the id and the metadata are believed."""

    model_config = ConfigDict(strict=True)

    id: str
    metadata: dict[str, str] = {}


class Page(BaseModel):
    """A page of a list or of a search."""

    model_config = ConfigDict(strict=True)

    data: list[dict[str, Any]]
    has_more: bool
