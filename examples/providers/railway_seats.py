"""A seat inventory that calls a railway over HTTP; the railway accepts our idempotency keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from providers.errors import (
    HoldIsGoneError,
    NoSeatsLeftError,
    NoSuchSeatError,
    ProviderError,
    ProviderUnavailableError,
    SeatIsTakenError,
)
from providers.protocols import HeldSeat, SeatRequest

REFUSALS: Mapping[str, type[ProviderError]] = {
    "sold_out": NoSeatsLeftError,
    "taken": SeatIsTakenError,
    "no_such_seat": NoSuchSeatError,
    "gone": HoldIsGoneError,
}
"""The railway's error codes for refusals. Every other error is a fault."""


class RailwaySettings(BaseSettings):
    """Settings of the railway: RAILWAY_URL, RAILWAY_SECRET, RAILWAY_TIMEOUT."""

    model_config = SettingsConfigDict(env_prefix="RAILWAY_")

    url: str
    secret: SecretStr
    timeout: timedelta = timedelta(seconds=8)
    """For connecting and for the response, each; together shorter than a step's 20 seconds."""


class _Seat(BaseModel):
    reference: str = Field(min_length=1, max_length=100)
    service: str
    coach: int
    seat: int


class _Hold(BaseModel):
    seats: list[_Seat]


class RailwaySeats:
    """Each hold is requested under our own key, so the railway recognises a retry."""

    external = True

    def __init__(self, settings: RailwaySettings | None = None) -> None:
        chosen = settings or RailwaySettings()
        self._http = httpx2.Client(
            base_url=chosen.url,
            timeout=chosen.timeout.total_seconds(),
            headers={"Authorization": f"Bearer {chosen.secret.get_secret_value()}"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        """Hold seats, all or none, in the order of the requests."""
        requested = [{"service": each.service, "count": each.count, "names": each.names} for each in requests]
        body = {"requests": requested, "until": until.isoformat()}
        content = self._send("PUT", tenant, f"holds/{quote(key, safe='')}", body)
        try:
            seats = _Hold.model_validate_json(content).seats
        except ValueError:
            raise ProviderUnavailableError("the railway's answer cannot be read") from None
        return [HeldSeat(each.reference, each.service, each.coach, each.seat) for each in seats]

    def release(self, tenant: str, key: str) -> None:
        """Release the seats held under a key; the railway remembers the key, used or not."""
        self._send("DELETE", tenant, f"holds/{quote(key, safe='')}")

    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        """Release these held or sold seats."""
        if references:
            self._send("POST", tenant, "returns", {"references": list(references)})

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        """Extend holds to last at least until a time, all or none."""
        if references:
            self._send("POST", tenant, "extensions", {"references": list(references), "until": until.isoformat()})

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> None:
        """Buy the seats `taken` and release the seats `given_up`, in one request."""
        body = {"taken": list(taken), "given_up": list(given_up)}
        self._send("PUT", tenant, f"sales/{quote(key, safe='')}", body)

    def _send(self, method: str, tenant: str, resource: str, body: Any = None) -> bytes:
        try:
            response = self._http.request(method, f"/tenants/{quote(tenant, safe='')}/{resource}", json=body)
        except httpx2.TransportError as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        if response.status_code == httpx2.codes.CONFLICT:
            raise REFUSALS.get(_error_code(response), ProviderUnavailableError)
        if response.status_code not in (httpx2.codes.CREATED, httpx2.codes.NO_CONTENT):
            raise ProviderUnavailableError(f"the railway answered {response.status_code}")
        return response.content


def _error_code(response: httpx2.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, TypeError, KeyError):
        return ""
