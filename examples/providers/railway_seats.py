"""A seat inventory behind a railway's HTTP API."""

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
"""What the railway says when it will not. Everything else it may say is a fault."""


class RailwaySettings(BaseSettings):
    """Where the railway is: RAILWAY_URL, RAILWAY_SECRET."""

    model_config = SettingsConfigDict(env_prefix="RAILWAY_")

    url: str
    secret: SecretStr
    timeout: timedelta = timedelta(seconds=8)
    """For connecting and for answering, each; together shorter than a step's 20 seconds."""


class _Seat(BaseModel):
    reference: str = Field(min_length=1, max_length=100)
    service: str
    coach: int
    seat: int


class _Hold(BaseModel):
    seats: list[_Seat]


class RailwaySeats:
    """Holds are made under our own key, so that the railway knows when it is asked again."""

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
        """Hold seats, all or none, in the order asked."""
        asked = [{"service": each.service, "count": each.count, "names": each.names} for each in requests]
        body = {"wanted": asked, "until": until.isoformat()}
        answer = self._ask("PUT", tenant, f"holds/{quote(key, safe='')}", body)
        try:
            seats = _Hold.model_validate_json(answer).seats
        except ValueError:
            raise ProviderUnavailableError("the railway's answer cannot be read") from None
        return [HeldSeat(each.reference, each.service, each.coach, each.seat) for each in seats]

    def release(self, tenant: str, key: str) -> None:
        """Give back what is held under a key; the railway remembers the key, used or not."""
        self._ask("DELETE", tenant, f"holds/{quote(key, safe='')}")

    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        """Give back these seats."""
        if references:
            self._ask("POST", tenant, "returns", {"references": list(references)})

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        """Let holds last at least until a time, all or none."""
        if references:
            self._ask("POST", tenant, "extensions", {"references": list(references), "until": until.isoformat()})

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> None:
        """Buy the taken seats and give up the others, in one act."""
        body = {"taken": list(taken), "given_up": list(given_up)}
        self._ask("PUT", tenant, f"sales/{quote(key, safe='')}", body)

    def _ask(self, method: str, tenant: str, what: str, body: Any = None) -> bytes:
        try:
            answer = self._http.request(method, f"/tenants/{quote(tenant, safe='')}/{what}", json=body)
        except httpx2.TransportError as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        if answer.status_code == httpx2.codes.CONFLICT:
            raise REFUSALS.get(_said(answer), ProviderUnavailableError)
        if answer.status_code not in (httpx2.codes.CREATED, httpx2.codes.NO_CONTENT):
            raise ProviderUnavailableError(f"the railway answered {answer.status_code}")
        return answer.content


def _said(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, TypeError, KeyError):
        return ""
