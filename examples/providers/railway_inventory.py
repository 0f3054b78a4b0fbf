"""An inventory that calls a railway over HTTP; the railway accepts our idempotency keys."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.money import Money
from providers.errors import (
    HoldCostsMoneyError,
    HoldIsGoneError,
    NoSeatsLeftError,
    NoStockLeftError,
    NoSuchSeatError,
    ProviderError,
    ProviderUnavailableError,
    SeatIsTakenError,
)
from providers.protocols import (
    ActState,
    BookedPlace,
    FoundHold,
    Held,
    HeldSeat,
    HeldUnit,
    HoldRequest,
    HoldState,
    SeatRequest,
)

M = TypeVar("M", bound=BaseModel)

REFUSALS: Mapping[str, type[ProviderError]] = {
    "taken": SeatIsTakenError,
    "no_such_seat": NoSuchSeatError,
    "gone": HoldIsGoneError,
}
"""The railway's error codes for refusals, beside those that say what is sold out. Every other error is a fault."""


LONGEST_ANSWER = 1_000_000
"""In bytes: a hold of a hundred seats takes a fiftieth of it."""


class RailwaySettings(BaseSettings):
    """Settings of the railway: RAILWAY_URL, RAILWAY_SECRET, RAILWAY_TIMEOUT."""

    model_config = SettingsConfigDict(env_prefix="RAILWAY_")

    url: str
    secret: SecretStr
    timeout: timedelta = timedelta(seconds=8)
    """For connecting and for the response, each; together shorter than a step's 20 seconds."""


class _Answer(BaseModel):
    """An answer is read strictly: a number as text is none."""

    model_config = ConfigDict(strict=True)


class _Seat(_Answer):
    reference: str = Field(min_length=1, max_length=100)
    service: str
    coach: int
    seat: int
    until: AwareDatetime | None

    def read(self) -> Held:
        return HeldSeat(self.reference, self.service, self.coach, self.seat, self.until)


class _Unit(_Answer):
    reference: str = Field(min_length=1, max_length=100)
    item: str
    service: str | None
    day: date | None
    until: AwareDatetime | None

    def read(self) -> Held:
        return HeldUnit(self.reference, self.item, self.service, self.day, self.until)


class _Hold(_Answer):
    held: list[_Seat | _Unit]


class _Found(_Hold):
    state: HoldState


class _Booking(_Answer):
    key: str
    sold: bool
    place: _Seat | _Unit


class _Book(_Answer):
    bookings: list[_Booking]
    next: str | None


class _Released(_Answer):
    released: str | list[str]


class _Accepted(_Answer):
    accepted: str | list[str]


class _Extension(_Answer):
    extended: list[str]
    until: AwareDatetime | None


class _Sale(_Answer):
    sale: str
    sold: list[str]
    released: list[str]


class _Availability(_Answer):
    free: list[int | None]


class _Refusal(_Answer):
    error: str
    service: str | None = None
    item: str = ""
    day: date | None = None
    minor: int = 0
    currency: str = ""


class RailwayInventory:
    """Each hold is requested under our own key, so the railway recognises a retry."""

    external = True

    def __init__(self, settings: RailwaySettings | None = None) -> None:
        chosen = settings or RailwaySettings()
        self._timeout = chosen.timeout.total_seconds()
        # Not compressed, so that its length is known while it is read.
        headers = {
            "Authorization": f"Bearer {chosen.secret.get_secret_value()}",
            "Accept-Encoding": "identity",
        }
        self._http = httpx2.Client(base_url=chosen.url, timeout=self._timeout, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold seats and units, all or none, in the order of the requests."""
        body = {"requests": list(map(_body, requests)), "until": until.isoformat()}
        content = self._send("PUT", tenant, f"holds/{quote(key, safe='')}", body)
        return [each.read() for each in _read(_Hold, content).held]

    def find(self, tenant: str, key: str) -> FoundHold:
        """Return what the railway knows of a key; it finds keys exactly."""
        found = _read(_Found, self._send("GET", tenant, f"holds/{quote(key, safe='')}"))
        return FoundHold(found.state, tuple(each.read() for each in found.held))

    def held_by_us(self, tenant: str) -> Iterator[BookedPlace]:
        """Yield all that the railway's book has under our keys, page by page."""
        after: str | None = ""
        while after is not None:
            page = _read(_Book, self._send("GET", tenant, f"bookings?after={quote(after, safe='')}"))
            for each in page.bookings:
                yield BookedPlace(each.key, each.place.read(), each.sold)
            after = page.next

    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        """Return what is free for each request; None for what the railway does not know."""
        if not requests:
            return []
        body = {"requests": list(map(_body, requests)), "own": list(own)}
        content = self._send("POST", tenant, "availability", body)
        return _read(_Availability, content).free

    def release(self, tenant: str, key: str) -> ActState:
        """Release what is held under a key; the railway remembers the key, used or not."""
        answer = self._act(_Released, key, "DELETE", tenant, f"holds/{quote(key, safe='')}")
        if answer is None:
            return ActState.PENDING
        _check(answer.released == key)
        return ActState.DONE

    def release_references(self, tenant: str, references: Sequence[str]) -> ActState:
        """Release these held or sold seats and units."""
        if not references:
            return ActState.DONE
        which = list(references)
        answer = self._act(_Released, which, "POST", tenant, "returns", {"references": which})
        if answer is None:
            return ActState.PENDING
        _check(answer.released == which)
        return ActState.DONE

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        """Extend holds to last at least until a time, all or none; return until when the railway holds all."""
        if not references:
            return None
        body = {"references": list(references), "until": until.isoformat()}
        answer = _read(_Extension, self._send("POST", tenant, "extensions", body))
        _check(answer.extended == list(references))
        return answer.until

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        """Buy what is `taken` and release what is `given_up`, in one request."""
        body = {"taken": list(taken), "given_up": list(given_up)}
        answer = self._act(_Sale, key, "PUT", tenant, f"sales/{quote(key, safe='')}", body)
        if answer is None:
            return ActState.PENDING
        _check((answer.sale, answer.sold, answer.released) == (key, list(taken), list(given_up)))
        return ActState.DONE

    def _act(
        self, kind: type[M], what: str | list[str], method: str, tenant: str, resource: str, body: Any = None
    ) -> M | None:
        """Return what the railway says that it has done; None if it has accepted `what` and not done it yet."""
        status, content = self._exchange(method, tenant, resource, body)
        if status != httpx2.codes.ACCEPTED:
            return _read(kind, content)
        _check(_read(_Accepted, content).accepted == what)
        return None

    def _send(self, method: str, tenant: str, resource: str, body: Any = None) -> bytes:
        status, content = self._exchange(method, tenant, resource, body)
        if status == httpx2.codes.ACCEPTED:
            raise ProviderUnavailableError("the railway has not answered what was asked")
        return content

    def _exchange(self, method: str, tenant: str, resource: str, body: Any) -> tuple[int, bytes]:
        address = f"/tenants/{quote(tenant, safe='')}/{resource}"
        try:
            with self._http.stream(method, address, json=body) as response:
                content = _bounded(response, time.monotonic() + self._timeout)
        except httpx2.RequestError as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        if response.status_code == httpx2.codes.CONFLICT:
            raise _refusal(content)
        if response.status_code not in (httpx2.codes.OK, httpx2.codes.CREATED, httpx2.codes.ACCEPTED):
            raise ProviderUnavailableError(f"the railway answered {response.status_code}")
        return response.status_code, content


def _bounded(response: httpx2.Response, ends: float) -> bytes:
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > LONGEST_ANSWER or time.monotonic() > ends:
            raise ProviderUnavailableError("the railway's answer is too long")
    return bytes(content)


def _check(agrees: bool) -> None:  # noqa: FBT001 - a condition
    """Raise a fault unless the answer says that what was requested was done: a status alone says little."""
    if not agrees:
        raise ProviderUnavailableError("the railway did not say that it did what was requested")


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


def _refusal(content: bytes) -> ProviderError:
    refusal = _read(_Refusal, content)
    match refusal.error:
        case "sold_out":
            return NoSeatsLeftError(refusal.service)
        case "no_stock":
            return NoStockLeftError(refusal.item, refusal.service, refusal.day)
        case "costs_money":
            return HoldCostsMoneyError(_price(refusal))
        case code:
            return REFUSALS.get(code, ProviderUnavailableError)()


def _price(refusal: _Refusal) -> Money | None:
    """Return a price; None for one that cannot be read: it costs money all the same."""
    try:
        return Money(refusal.minor, refusal.currency)
    except ValueError:
        return None
