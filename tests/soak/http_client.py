"""Sends requests as a patient client does: again with the same key until there is an answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httpx2

from tests.soak.client_log import ENDED, ClientLog, ObservedAnswer

Json = dict[str, Any]
RETRY_SECONDS = 0.3
POLL_SECONDS = 0.2
MAX_ANSWER_SECONDS = 45.0
_AGAIN = (429, 502, 503)
_NOT_ENDED = ("ENGINE_UNREACHABLE", "STORE_BUSY", "RATE_LIMITED")


class Same(Enum):
    """What of an answer must be the same however often, and how late, a request is sent."""

    BODY = "every word"
    CHANGE = "the change it is about"
    NOTHING = "nothing"
    """discover.swiss's answers show the order as it stands, and may take several changes."""


class GaveUpError(Exception):
    """There was no answer however often it was asked."""


@dataclass(frozen=True)
class RequestSpec:
    """A request that changes something."""

    method: str
    path: str
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    same: Same = Same.NOTHING
    """What of its answer must be the same for ever."""


class HttpClient:
    """One client's connection."""

    def __init__(self, http: httpx2.AsyncClient, ledger: ClientLog, give_up: float) -> None:
        self._http = http
        self._ledger = ledger
        self._give_up = give_up

    async def send(self, key: str, kind: str, options: RequestSpec) -> httpx2.Response:
        """Send a request until it is answered, and note every answer."""
        self._ledger.record_sent(key, kind)
        while True:
            answer = await self._once(options, key)
            if answer is not None and answer.status_code not in _AGAIN:
                await self._look_closer(key, answer)
                return answer
            await self._wait()

    async def read(self, method: str, path: str, body: Json | None = None) -> Json | None:
        """Read something; None when it is refused."""
        while True:
            try:
                answer = await self._http.request(method, path, json=body)
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code not in _AGAIN:
                found: Json | None = answer.json() if answer.is_success else None
                return found
            await self._wait()

    async def _wait(self) -> None:
        if self._ledger.now() > self._give_up:
            raise GaveUpError
        await asyncio.sleep(RETRY_SECONDS)

    async def _once(self, options: RequestSpec, key: str) -> httpx2.Response | None:
        sent = self._ledger.now()
        headers = {**options.headers, "Idempotency-Key": key}
        try:
            answer = await self._http.request(options.method, options.path, json=options.body, headers=headers)
        except httpx2.TransportError:
            self._ledger.unanswered += 1
            return None
        self._ledger.record_answer(answer_from_response(key, sent, self._ledger.now(), answer, options.same))
        return answer

    async def _look_closer(self, key: str, answer: httpx2.Response) -> None:
        """Read how a change ended when the answer does not say so."""
        last = self._ledger.answers[-1]
        told = answer_from_response(key, 0, 0, answer, Same.NOTHING)
        if told.change is None or told.ended:
            return
        for _ in range(int(MAX_ANSWER_SECONDS / POLL_SECONDS)):
            shown = await self.read("GET", f"/v1/changes/{told.change}")
            if shown and shown["state"] in ENDED:
                self._ledger.record_answer(answer_from_change_page(key, last.sent, self._ledger.now(), shown))
                return
            await asyncio.sleep(POLL_SECONDS)


def answer_from_change_page(key: str, sent: float, told: float, shown: Json) -> ObservedAnswer:
    """Return what a change's own page tells."""
    code = (shown["problem"] or {}).get("code")
    return ObservedAnswer(key, sent, told, 200, code, shown["change"], shown["state"], from_change_page=True)


def answer_from_response(key: str, sent: float, told: float, answer: httpx2.Response, same: Same) -> ObservedAnswer:
    """Return what an answer tells."""
    body = answer.json() if answer.content else {}
    code = body.get("code")
    change = body.get("change") or answer.headers.get("Location", "").partition("/v1/changes/")[2] or None
    return ObservedAnswer(
        key=key,
        sent=sent,
        answered_at=told,
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
    """Return the state an answer tells. discover.swiss's says nothing: refusals come as messages beside the order."""
    code = body.get("code")
    if code:
        return None if code in _NOT_ENDED else "undone" if code == "STEP_FAILED" else "refused"
    if "state" in body:
        return str(body["state"])
    return "done" if answer.status_code == httpx2.codes.OK and "validationMessages" not in body else None
