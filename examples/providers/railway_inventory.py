"""An inventory that calls a railway over HTTP; the railway accepts our idempotency keys."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from providers.errors import (
    HoldIsGoneError,
    NoSeatsLeftError,
    NoStockLeftError,
    NoSuchSeatError,
    ProviderError,
    ProviderUnavailableError,
    SeatIsTakenError,
)
from providers.protocols import Held, HeldSeat, HeldUnit, HoldRequest, SeatRequest

M = TypeVar("M", bound=BaseModel)

REFUSALS: Mapping[str, type[ProviderError]] = {
    "taken": SeatIsTakenError,
    "no_such_seat": NoSuchSeatError,
    "gone": HoldIsGoneError,
}
"""The railway's error codes for refusals, beside those that say what is sold out. Every other error is a fault."""


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

    def read(self) -> Held:
        return HeldSeat(self.reference, self.service, self.coach, self.seat)


class _Unit(BaseModel):
    reference: str = Field(min_length=1, max_length=100)
    item: str
    service: str | None
    day: date | None

    def read(self) -> Held:
        return HeldUnit(self.reference, self.item, self.service, self.day)


class _Hold(BaseModel):
    held: list[_Seat | _Unit]


class _Availability(BaseModel):
    free: list[int | None]


class _Refusal(BaseModel):
    error: str
    service: str | None = None
    item: str = ""
    day: date | None = None


class RailwayInventory:
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

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold seats and units, all or none, in the order of the requests."""
        body = {"requests": list(map(_body, requests)), "until": until.isoformat()}
        content = self._send("PUT", tenant, f"holds/{quote(key, safe='')}", body)
        return [each.read() for each in _read(_Hold, content).held]

    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        """Return what is free for each request; None for what the railway does not know."""
        if not requests:
            return []
        body = {"requests": list(map(_body, requests)), "own": list(own)}
        content = self._send("POST", tenant, "availability", body)
        return _read(_Availability, content).free

    def release(self, tenant: str, key: str) -> None:
        """Release what is held under a key; the railway remembers the key, used or not."""
        self._send("DELETE", tenant, f"holds/{quote(key, safe='')}")

    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        """Release these held or sold seats and units."""
        if references:
            self._send("POST", tenant, "returns", {"references": list(references)})

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        """Extend holds to last at least until a time, all or none."""
        if references:
            self._send("POST", tenant, "extensions", {"references": list(references), "until": until.isoformat()})

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> None:
        """Buy what is `taken` and release what is `given_up`, in one request."""
        body = {"taken": list(taken), "given_up": list(given_up)}
        self._send("PUT", tenant, f"sales/{quote(key, safe='')}", body)

    def _send(self, method: str, tenant: str, resource: str, body: Any = None) -> bytes:
        try:
            response = self._http.request(method, f"/tenants/{quote(tenant, safe='')}/{resource}", json=body)
        except httpx2.TransportError as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        if response.status_code == httpx2.codes.CONFLICT:
            raise _refusal(response)
        if response.status_code not in (httpx2.codes.CREATED, httpx2.codes.NO_CONTENT):
            raise ProviderUnavailableError(f"the railway answered {response.status_code}")
        return response.content


def _body(request: HoldRequest) -> dict[str, Any]:
    if isinstance(request, SeatRequest):
        return {"service": request.service, "count": request.count, "names": request.names}
    day = request.day.isoformat() if request.day else None
    return {"item": request.item, "service": request.service, "day": day, "count": request.count}


def _read(kind: type[M], content: bytes) -> M:
    try:
        return kind.model_validate_json(content)
    except ValueError:
        raise ProviderUnavailableError("the railway's answer cannot be read") from None


def _refusal(response: httpx2.Response) -> ProviderError:
    refusal = _read(_Refusal, response.content)
    match refusal.error:
        case "sold_out":
            return NoSeatsLeftError(refusal.service)
        case "no_stock":
            return NoStockLeftError(refusal.item, refusal.service, refusal.day)
        case code:
            return REFUSALS.get(code, ProviderUnavailableError)()
