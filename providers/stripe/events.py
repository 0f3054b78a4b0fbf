"""Reads the events that Stripe delivers: https://docs.stripe.com/webhooks.

An event says what an object was like when it was sent. Only the name of what it is about is taken from it besides, and
our key from the metadata; what became of the key is read by `find`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import stripe
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from domain.provider_events import ProviderEvent, ProviderEventKind
from providers.errors import EventNotVerifiedError, EventUnreadableError, ProviderUnavailableError
from providers.stripe.amounts import from_stripe
from providers.stripe.objects import KEY, PLACEHOLDER, TENANT, Intent, mark_of
from providers.stripe.settings import StripeSettings

TOLERANCE_SECONDS = 300
"""How old a signature may be: https://docs.stripe.com/webhooks#replay-attacks."""
_REFUND_EVENTS = ("refund.updated", "refund.failed", "charge.refund.updated")
_ENDED_EVENT = "payment_intent.canceled"
"""Stripe sends it for an authorisation that ends by itself, too, beside `charge.expired`."""
_REFUNDS = {
    "succeeded": ProviderEventKind.REFUND_PAID,
    "failed": ProviderEventKind.REFUND_FAILED,
    "canceled": ProviderEventKind.REFUND_FAILED,
}
_CLOSED = {
    "lost": ProviderEventKind.DISPUTE_LOST,
    "won": ProviderEventKind.DISPUTE_WON,
    "warning_closed": ProviderEventKind.DISPUTE_WON,
}
"""How a dispute ends. An inquiry that is closed took no money: https://docs.stripe.com/api/disputes/object."""


class _Data(BaseModel):
    model_config = ConfigDict(strict=True)

    object: dict[str, Any]


class _Event(BaseModel):
    model_config = ConfigDict(strict=True)

    id: Annotated[str, Field(pattern=r"^evt_\w{1,90}$")]
    type: str
    data: _Data


class _About(BaseModel):
    """What is read of the object of any event that is ours: a PaymentIntent, a refund or a dispute."""

    model_config = ConfigDict(strict=True)

    id: str
    amount: int
    currency: str
    status: str
    metadata: dict[str, str] = {}
    payment_intent: str | None = None


ReadIntent = Callable[[str | None, str], Intent | None]
"""Reads a PaymentIntent by its id, in the account of a tenant or, for None, in that of all others."""


@dataclass(frozen=True)
class Events:
    """Reads deliveries for the accounts of the settings."""

    settings: StripeSettings
    read_intent: ReadIntent

    def read(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        """Verify a delivery and translate its event; None for one that is not about a key of ours.

        Raises EventNotVerifiedError, EventUnreadableError, and ProviderUnavailableError.
        """
        account = self._account_of(headers.get("stripe-signature"), body)
        try:
            event = _Event.model_validate_json(body)
            kind, about = _kind_of(event), event.data.object
            return None if kind is None else self._translate(account, event.id, kind, _About.model_validate(about))
        except ValidationError:
            # The text of the error would repeat the body.
            raise EventUnreadableError("no event") from None

    def _account_of(self, signature: str | None, body: bytes) -> str | None:
        """Return the tenant whose own account has signed a delivery; None for the account of all others."""
        for account, secrets in self.settings.event_accounts:
            if any(_is_signed(body, signature, each) for each in secrets):
                return account
        raise EventNotVerifiedError("no valid signature")

    def _translate(
        self, account: str | None, name: str, kind: ProviderEventKind, about: _About
    ) -> ProviderEvent | None:
        disputed = about.id if kind in _DISPUTE_KINDS else None
        metadata = self._metadata_of_payment(account, about) if disputed else about.metadata
        tenant = metadata.get(TENANT)
        if tenant is None or PLACEHOLDER in metadata or not self._is_of(account, tenant):
            return None
        key = metadata.get(KEY, "").removeprefix(mark_of(tenant, ""))
        if not key or mark_of(tenant, key) != metadata.get(KEY):
            return None
        try:
            amount = from_stripe(about.amount, about.currency)
        except ProviderUnavailableError:
            raise EventUnreadableError("no amount of ours") from None
        return ProviderEvent(
            provider="stripe", id=name, tenant=tenant, kind=kind, key=key, amount=amount, dispute=disputed
        )

    def _metadata_of_payment(self, account: str | None, dispute: _About) -> Mapping[str, str]:
        """Return the metadata of the PaymentIntent that is disputed: a dispute has none of ours."""
        intent = self.read_intent(account, dispute.payment_intent) if dispute.payment_intent else None
        return intent.metadata if intent else {}

    def _is_of(self, account: str | None, tenant: str) -> bool:
        """Whether a tenant is one of the account that has signed: no other account speaks of it."""
        return account == tenant if account is not None else tenant not in self.settings.api_keys


_DISPUTE_KINDS = (ProviderEventKind.DISPUTE_OPENED, *_CLOSED.values())


def _kind_of(event: _Event) -> ProviderEventKind | None:
    """Return our kind of an event; None for one that changes nothing for us."""
    status = event.data.object.get("status")
    if event.type in _REFUND_EVENTS:
        return _REFUNDS.get(str(status))
    if event.type == "charge.dispute.closed":
        return _CLOSED.get(str(status))
    if event.type == "charge.dispute.created":
        return ProviderEventKind.DISPUTE_OPENED
    return ProviderEventKind.AUTHORISATION_ENDED if event.type == _ENDED_EVENT else None


def _is_signed(body: bytes, signature: str | None, secret: SecretStr) -> bool:
    """Whether a secret has signed this raw body in the last minutes, by the SDK; its errors contain the body."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret.get_secret_value(), TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # The last two: a body that is no UTF-8, and a signature that is no ASCII.
        return False
    return True
