"""A payment provider that calls a bank over HTTP; the bank accepts our idempotency keys."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import AwareDatetime, BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.money import Money
from providers.errors import (
    ActionRequiredError,
    AuthorisationEndedError,
    PaymentDeclinedError,
    ProviderError,
    ProviderUnavailableError,
    RefundDeclinedError,
)
from providers.protocols import Authorised, Found, FoundState, Movement, MovementKind, MovementPage, RefundState


class BankSettings(BaseSettings):
    """Settings of the bank: BANK_URL, BANK_SECRET, BANK_TIMEOUT."""

    model_config = SettingsConfigDict(env_prefix="BANK_")

    url: str
    secret: SecretStr
    timeout: timedelta = timedelta(seconds=8)
    """For connecting and for the response, each; together shorter than a step's 20 seconds."""


class _Authorised(BaseModel):
    reference: str = Field(min_length=1, max_length=100)
    expires_at: AwareDatetime | None = None


class _Moved(BaseModel):
    """A capture with its reference, or a refund with its state, and the amount that was moved."""

    reference: str | None = Field(default=None, min_length=1, max_length=100)
    state: RefundState | None = None
    minor: int
    currency: str


class _Voided(BaseModel):
    voided: str


class _Found(BaseModel):
    state: FoundState
    minor: int
    currency: str
    reference: str | None
    expires_at: AwareDatetime | None
    refund: RefundState | None

    def read(self) -> Found:
        amount = Money(self.minor, self.currency) if self.currency else None
        return Found(self.state, amount, self.reference, self.expires_at, self.refund)


class _Refusal(BaseModel):
    error: str
    reference: str | None = Field(default=None, min_length=1, max_length=100)


class _Movement(BaseModel):
    kind: MovementKind
    payment: str
    minor: int
    currency: str

    def read(self) -> Movement:
        amount = Money(self.minor, self.currency) if self.currency else None
        return Movement(self.kind, self.payment, amount)


class _Page(BaseModel):
    movements: list[_Movement]
    next: int | None


LONGEST_ANSWER = 1_000_000
"""In bytes: a page of a hundred movements takes a fiftieth of it."""
_DONE = {
    "PUT": (httpx2.codes.CREATED,),
    "DELETE": (httpx2.codes.OK,),
    "GET": (httpx2.codes.OK,),
}


_REFUSALS: dict[str, type[ProviderError]] = {
    "declined": PaymentDeclinedError,
    "ended": AuthorisationEndedError,
    "refund_declined": RefundDeclinedError,
}


class BankPayments:
    """Each call is a PUT or DELETE under our own key, so the bank recognises a retry."""

    external = True

    def __init__(self, settings: BankSettings | None = None) -> None:
        chosen = settings or BankSettings()
        self._timeout = chosen.timeout.total_seconds()
        self._http = httpx2.Client(
            base_url=chosen.url,
            timeout=self._timeout,
            # An answer is not compressed, so that its length is known while it is read.
            headers={"Authorization": f"Bearer {chosen.secret.get_secret_value()}", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        """Authorise a payment. Raises PaymentDeclinedError and ActionRequiredError."""
        body = {"minor": amount.minor, "currency": amount.currency, "method": method, "token": token}
        content = self._send("PUT", tenant, "authorisations", key, body)
        try:
            authorised = _Authorised.model_validate_json(content)
        except ValueError:
            # The response may contain anything, so the error does not repeat it.
            raise ProviderUnavailableError("the bank's answer cannot be read") from None
        return Authorised(authorised.reference, authorised.expires_at)

    def void(self, tenant: str, key: str, reference: str | None, token: str | None = None) -> None:
        """Void the authorisation under a key; the bank knows it by the key, and remembers the key, used or not."""
        content = self._send("DELETE", tenant, "authorisations", key)
        try:
            voided = _Voided.model_validate_json(content)
        except ValueError:
            raise ProviderUnavailableError("the bank's answer cannot be read") from None
        if voided.voided != key:
            raise ProviderUnavailableError("the bank has voided another payment")

    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        """Capture an amount, once per key. Raises PaymentDeclinedError and AuthorisationEndedError."""
        moved = self._move(tenant, "captures", key, reference, amount)
        if moved.reference is None:
            raise ProviderUnavailableError("the bank's capture has no reference")
        return moved.reference

    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        """Refund an amount, once per key. Raises RefundDeclinedError."""
        moved = self._move(tenant, "refunds", key, capture, amount)
        if moved.state is None:
            raise ProviderUnavailableError("the bank's refund has no state")
        return moved.state

    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        """Return what the bank knows of a key; it reads the key itself, so that it can always say."""
        content = self._request("GET", f"/merchants/{quote(tenant, safe='')}/keys/{quote(key, safe='')}")
        try:
            return _Found.model_validate_json(content).read()
        except ValueError:
            raise ProviderUnavailableError("what the bank found cannot be read") from None

    def _move(self, tenant: str, resource: str, key: str, of: str, amount: Money) -> _Moved:
        body = {"of": of, "minor": amount.minor, "currency": amount.currency}
        content = self._send("PUT", tenant, resource, key, body)
        try:
            moved = _Moved.model_validate_json(content)
        except ValueError:
            raise ProviderUnavailableError("the bank's answer cannot be read") from None
        if (moved.minor, moved.currency) != (amount.minor, amount.currency):
            raise ProviderUnavailableError("the bank has moved another amount")
        return moved

    def movements(self, tenant: str, after: str | None) -> MovementPage:
        """Return one page of the bank's book."""
        return self._list(tenant, after=after or "0")

    def movements_of(self, tenant: str, payment: str) -> Sequence[Movement]:
        """Return the movements of one payment; the bank lists them on one page."""
        return self._list(tenant, payment=payment).movements

    def _list(self, tenant: str, **query: str) -> MovementPage:
        content = self._request("GET", f"/merchants/{quote(tenant, safe='')}/movements", params=query)
        try:
            page = _Page.model_validate_json(content)
            return MovementPage(tuple(each.read() for each in page.movements), str(page.next) if page.next else None)
        except ValueError:
            raise ProviderUnavailableError("the bank's book cannot be read") from None

    def _send(self, method: str, tenant: str, resource: str, key: str, body: Any = None) -> bytes:
        return self._request(method, f"/merchants/{quote(tenant, safe='')}/{resource}/{quote(key, safe='')}", json=body)

    def _request(self, method: str, path: str, **more: Any) -> bytes:
        try:
            with self._http.stream(method, path, **more) as response:
                content = _bounded(response, time.monotonic() + self._timeout)
        except httpx2.RequestError as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        if response.status_code == httpx2.codes.UNPROCESSABLE_CONTENT:
            raise _refusal(content)
        if response.status_code not in _DONE[method]:
            raise ProviderUnavailableError(f"the bank answered {response.status_code}")
        return content


def _bounded(response: httpx2.Response, ends: float) -> bytes:
    """Read an answer to its end, unless it is too long or comes too slowly: each byte would be in time otherwise."""
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > LONGEST_ANSWER or time.monotonic() > ends:
            raise ProviderUnavailableError("the bank's answer is too long")
    return bytes(content)


def _refusal(content: bytes) -> ProviderError:
    """Return what the bank refused. Every other error is a fault."""
    try:
        refusal = _Refusal.model_validate_json(content)
    except ValueError:
        return ProviderUnavailableError("the bank's refusal cannot be read")
    if refusal.error == "action_required":
        return ActionRequiredError(refusal.reference)
    refused = _REFUSALS.get(refusal.error)
    return refused() if refused else ProviderUnavailableError("the bank refused for an unknown reason")
