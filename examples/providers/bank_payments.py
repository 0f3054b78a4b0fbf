"""A payment provider that calls a bank over HTTP; the bank accepts our idempotency keys."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.money import Money
from domain.settlement import Move
from providers.errors import PaymentDeclinedError, ProviderError, ProviderUnavailableError, RefundDeclinedError


class BankSettings(BaseSettings):
    """Settings of the bank: BANK_URL, BANK_SECRET, BANK_TIMEOUT."""

    model_config = SettingsConfigDict(env_prefix="BANK_")

    url: str
    secret: SecretStr
    timeout: timedelta = timedelta(seconds=8)
    """For connecting and for the response, each; together shorter than a step's 20 seconds."""


class _Authorised(BaseModel):
    reference: str = Field(min_length=1, max_length=100)


class _Refusal(BaseModel):
    error: str
    payment: str | None = None
    """The payment whose refund is declined."""


class BankPayments:
    """Each call is a PUT or DELETE under our own key, so the bank recognises a retry."""

    external = True

    def __init__(self, settings: BankSettings | None = None) -> None:
        chosen = settings or BankSettings()
        self._http = httpx2.Client(
            base_url=chosen.url,
            timeout=chosen.timeout.total_seconds(),
            headers={"Authorization": f"Bearer {chosen.secret.get_secret_value()}"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
        """Authorise a payment and return the bank's reference. Raises PaymentDeclinedError."""
        body = {"minor": amount.minor, "currency": amount.currency, "method": method, "token": token}
        content = self._send("PUT", tenant, "authorisations", key, body)
        try:
            return _Authorised.model_validate_json(content).reference
        except ValueError:
            # The response may contain anything, so the error does not repeat it.
            raise ProviderUnavailableError("the bank's answer cannot be read") from None

    def void(self, tenant: str, key: str) -> None:
        """Void the authorisation under a key; the bank remembers the key, used or not."""
        self._send("DELETE", tenant, "authorisations", key)

    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        """Make all moves or none, once per key. Raises PaymentDeclinedError or RefundDeclinedError."""
        body = {"moves": [move.model_dump(mode="json") for move in moves]}
        self._send("PUT", tenant, "settlements", key, body)

    def _send(self, method: str, tenant: str, resource: str, key: str, body: Any = None) -> bytes:
        path = f"/merchants/{quote(tenant, safe='')}/{resource}/{quote(key, safe='')}"
        try:
            response = self._http.request(method, path, json=body)
        except httpx2.TransportError as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        if response.status_code == httpx2.codes.UNPROCESSABLE_CONTENT:
            raise _refusal(response.content)
        if response.status_code not in (httpx2.codes.CREATED, httpx2.codes.NO_CONTENT):
            raise ProviderUnavailableError(f"the bank answered {response.status_code}")
        return response.content


def _refusal(content: bytes) -> ProviderError:
    """Return what the bank refused. Every other error is a fault."""
    try:
        refusal = _Refusal.model_validate_json(content)
    except ValueError:
        return ProviderUnavailableError("the bank's refusal cannot be read")
    if refusal.error == "declined":
        return PaymentDeclinedError()
    if refusal.error == "refund_declined" and refusal.payment:
        return RefundDeclinedError(refusal.payment)
    return ProviderUnavailableError("the bank refused for an unknown reason")
