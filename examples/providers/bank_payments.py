"""A payment provider that speaks HTTP to a bank which takes our keys."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.money import Money
from domain.settlement import Move
from providers.errors import PaymentDeclinedError, ProviderError, ProviderUnavailableError, RefundDeclinedError

REFUSALS: Mapping[str, type[ProviderError]] = {
    "declined": PaymentDeclinedError,
    "refund_declined": RefundDeclinedError,
}
"""What the bank says when it will not. Everything else it may say is a fault."""


class BankSettings(BaseSettings):
    """Where the bank is: BANK_URL, BANK_SECRET."""

    model_config = SettingsConfigDict(env_prefix="BANK_")

    url: str
    secret: SecretStr
    timeout: timedelta = timedelta(seconds=8)
    """For connecting and for answering, each; together shorter than a step's 20 seconds."""


class _Authorised(BaseModel):
    reference: str = Field(min_length=1, max_length=100)


class BankPayments:
    """Each call is a PUT or DELETE under our own key, so that the bank knows when it is asked again."""

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
        """Set money aside and return the bank's reference. Raises PaymentDeclinedError."""
        body = {"minor": amount.minor, "currency": amount.currency, "method": method, "token": token}
        answer = self._ask("PUT", tenant, "authorisations", key, body)
        try:
            return _Authorised.model_validate_json(answer).reference
        except ValueError:
            # What it wrote may hold anything: it is not repeated.
            raise ProviderUnavailableError("the bank's answer cannot be read") from None

    def void(self, tenant: str, key: str) -> None:
        """Let go what was set aside under a key; the bank remembers the key, used or not."""
        self._ask("DELETE", tenant, "authorisations", key)

    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        """Have the bank make all moves or none, once. Raises PaymentDeclinedError or RefundDeclinedError."""
        body = {"moves": [move.model_dump(mode="json") for move in moves]}
        self._ask("PUT", tenant, "settlements", key, body)

    def _ask(self, method: str, tenant: str, what: str, key: str, body: Any = None) -> bytes:
        path = f"/merchants/{quote(tenant, safe='')}/{what}/{quote(key, safe='')}"
        try:
            answer = self._http.request(method, path, json=body)
        except httpx2.TransportError as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        if answer.status_code == httpx2.codes.UNPROCESSABLE_CONTENT:
            raise REFUSALS.get(_said(answer), ProviderUnavailableError)
        if answer.status_code not in (httpx2.codes.CREATED, httpx2.codes.NO_CONTENT):
            raise ProviderUnavailableError(f"the bank answered {answer.status_code}")
        return answer.content


def _said(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, TypeError, KeyError):
        return ""
