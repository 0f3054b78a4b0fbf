"""Sends requests as a client does that retries with the same key until it is answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httpx2

from cli.http_clients.responses import has_ended
from temporal.names import PROVIDER_UNAVAILABLE, STEP_FAILED
from tests.soak.client_log import ENDED, ClientLog, ObservedAnswer

Json = dict[str, Any]
RETRY_SECONDS = 0.3
POLL_SECONDS = 0.2
MAX_ANSWER_SECONDS = 45.0
_AGAIN = (429, 502, 503)
_UNDONE = (STEP_FAILED, PROVIDER_UNAVAILABLE)
_NOT_ENDED = ("ENGINE_UNREACHABLE", "STORE_BUSY", "RATE_LIMITED")


class Same(Enum):
    """The part of an answer that must stay the same however often and however late a request is sent."""

    BODY = "the whole body"
    CHANGE = "the change it is about"
    NOTHING = "nothing"
    """discover.swiss's answers show the current order, and one may cover several changes."""


class GaveUpError(Exception):
    """A request had no answer after all retries."""


@dataclass(frozen=True)
class RequestSpec:
    """A mutating request."""

    method: str
    path: str
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    same: Same = Same.NOTHING
    """The part of its answer that must never change."""


class HttpClient:
    """Sends requests, retries them and records every answer in the clients' log."""

    def __init__(self, http: httpx2.AsyncClient, client_log: ClientLog, give_up: float) -> None:
        self._http = http
        self._client_log = client_log
        self._give_up = give_up

    async def send(self, key: str, kind: str, request: RequestSpec) -> httpx2.Response:
        """Send a request until it is answered, and record every answer."""
        self._client_log.record_sent(key, kind)
        while True:
            answer = await self._once(request, key)
            if answer is not None and (answer.status_code not in _AGAIN or has_ended(answer)):
                await self._follow_change(key, answer)
                return answer
            await self._wait()

    async def read(self, method: str, path: str, body: Json | None = None) -> Json | None:
        """Send a request that changes nothing; return its body, or None if it is refused."""
        while True:
            try:
                answer = await self._http.request(method, path, json=body)
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code not in _AGAIN:
                shown: Json | None = answer.json() if answer.is_success else None
                return shown
            await self._wait()

    async def _wait(self) -> None:
        if self._client_log.now() > self._give_up:
            raise GaveUpError
        await asyncio.sleep(RETRY_SECONDS)

    async def _once(self, request: RequestSpec, key: str) -> httpx2.Response | None:
        sent = self._client_log.now()
        headers = {**request.headers, "Idempotency-Key": key}
        try:
            answer = await self._http.request(request.method, request.path, json=request.body, headers=headers)
        except httpx2.TransportError:
            self._client_log.unanswered += 1
            return None
        self._client_log.record_answer(answer_from_response(key, sent, self._client_log.now(), answer, request.same))
        return answer

    async def _follow_change(self, key: str, answer: httpx2.Response) -> None:
        """Read a change's outcome from its own route if the answer does not contain it."""
        last = self._client_log.answers[-1]
        observed = answer_from_response(key, 0, 0, answer, Same.NOTHING)
        if observed.change is None or observed.ended:
            return
        for _ in range(int(MAX_ANSWER_SECONDS / POLL_SECONDS)):
            shown = await self.read("GET", f"/v1/changes/{observed.change}")
            if shown and shown["state"] in ENDED:
                self._client_log.record_answer(answer_from_change_page(key, last.sent, self._client_log.now(), shown))
                return
            await asyncio.sleep(POLL_SECONDS)


def answer_from_change_page(key: str, sent: float, answered_at: float, shown: Json) -> ObservedAnswer:
    """Return the answer of a change's own route."""
    code = (shown["problem"] or {}).get("code")
    return ObservedAnswer(key, sent, answered_at, 200, code, shown["change"], shown["state"], from_change_page=True)


def answer_from_response(
    key: str, sent: float, answered_at: float, answer: httpx2.Response, same: Same
) -> ObservedAnswer:
    """Return the answer to a request."""
    body = answer.json() if answer.content else {}
    code = body.get("code")
    change = body.get("change") or answer.headers.get("Location", "").partition("/v1/changes/")[2] or None
    return ObservedAnswer(
        key=key,
        sent=sent,
        answered_at=answered_at,
        status=answer.status_code,
        code=code,
        change=change,
        state=_state(answer, body) if change else None,
        content=_content(same, body, change),
        replayed="Idempotency-Replayed" in answer.headers,
    )


def _content(same: Same, body: Json, change: str | None) -> Json | None:
    return body if same is Same.BODY else {"change": change} if same is Same.CHANGE else None


def _state(answer: httpx2.Response, body: Json) -> str | None:
    """Return the change's state by an answer; None for discover.swiss's with refusals, which are messages in it."""
    code = body.get("code")
    if code:
        return None if code in _NOT_ENDED else "undone" if code in _UNDONE else "refused"
    if "state" in body:
        return str(body["state"])
    return "done" if answer.status_code == httpx2.codes.OK and "validationMessages" not in body else None
