"""Reads the events of a bank, which signs each delivery with a secret of the merchant's, as many processors do."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from domain.money import Money
from domain.provider_events import ProviderEvent, ProviderEventKind
from examples.providers.bank_payments import BankPayments, BankSettings
from providers.errors import EventNotVerifiedError, EventUnreadableError
from store.database.store import utc_now

SIGNATURE = "bank-signature"
"""The header with the time of the signature, in seconds since 1970, and the signature: `1796000000.5f0c…`"""
TOLERANCE = timedelta(minutes=5)
"""How old a signature may be: one that was recorded cannot be played again later."""


class BankEventSettings(BankSettings):
    """Settings of the bank, and BANK_EVENT_SECRETS."""

    model_config = SettingsConfigDict(env_prefix="BANK_")

    event_secrets: tuple[SecretStr, ...]
    """With which the bank signs its events, as a JSON list: two while they are rotated."""


class NotifyingBankPayments(BankPayments):
    """The bank of `bank_payments.py` that sends events, too."""

    def __init__(self, settings: BankEventSettings | None = None) -> None:
        chosen = settings or BankEventSettings()
        super().__init__(chosen)
        self._event_secrets = chosen.event_secrets

    def read_event(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        """Verify a delivery of an event and return it. Raises EventNotVerifiedError and EventUnreadableError."""
        return read_event(self._event_secrets, headers, body)


class _Event(BaseModel):
    """An event of the bank; other members may follow."""

    model_config = ConfigDict(strict=True)

    id: str
    merchant: str
    kind: str
    key: str
    minor: int
    currency: str
    dispute: str | None = None


def sign(body: bytes, secret: str, at: int) -> str:
    """Return the signature of a body at a time: HMAC-SHA256 over the time, a dot and the raw body."""
    return hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()


def read_event(secrets: Sequence[SecretStr], headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
    """Verify a delivery, and return its event; None for a kind that is not ours.

    Several secrets are valid while they are rotated. Raises EventNotVerifiedError and EventUnreadableError.
    """
    at, _, signature = headers.get(SIGNATURE, "").partition(".")
    if not (at.isascii() and at.isdecimal() and len(at) <= len("1796000000")):
        raise EventNotVerifiedError("no signature")
    expected = [sign(body, each.get_secret_value(), int(at)) for each in secrets]
    if not any(hmac.compare_digest(each.encode(), signature.encode()) for each in expected):
        raise EventNotVerifiedError("another signature")
    if abs(utc_now().timestamp() - int(at)) > TOLERANCE.total_seconds():
        raise EventNotVerifiedError("signed too long ago")
    try:
        event = _Event.model_validate(json.loads(body))
        return _translate(event) if event.kind in set(ProviderEventKind) else None
    except (ValueError, ValidationError):
        # The text of the error would repeat the body.
        raise EventUnreadableError("no event") from None


def _translate(event: _Event) -> ProviderEvent:
    return ProviderEvent(
        provider="bank",
        id=event.id,
        tenant=event.merchant,
        kind=ProviderEventKind(event.kind),
        key=event.key,
        amount=Money(event.minor, event.currency),
        dispute=event.dispute,
    )
