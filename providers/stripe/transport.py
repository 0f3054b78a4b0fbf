"""The HTTP client under Stripe's SDK: a deadline for a whole act, bounded answers, and no redirects."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2
import stripe

LARGEST_ANSWER = 5_000_000
"""Bytes; a page of 100 objects has some hundred thousand."""


class Transport(stripe.HTTPClient):
    """Sends the requests of the SDK. Within `act` all of them together end by one deadline."""

    name = "httpx2"

    def __init__(self, timeout: timedelta) -> None:
        super().__init__()
        self._timeout = timeout.total_seconds()
        self._client = httpx2.Client(follow_redirects=False)
        self._acts = threading.local()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def act(self) -> Iterator[None]:
        """Let the requests of this thread end by a deadline from now on."""
        self._acts.deadline = time.monotonic() + self._timeout
        try:
            yield
        finally:
            del self._acts.deadline

    def remaining(self) -> timedelta:
        """Return how long the act of this thread may still take; APIConnectionError when its time is over."""
        left = timedelta(seconds=self._acts.deadline - time.monotonic())
        if left <= timedelta(0):
            raise _no_answer("deadline")
        return left

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request; return body, status and headers."""
        left = self.remaining().total_seconds()
        try:
            with self._client.stream(method, url, headers=headers, content=post_data, timeout=left) as response:
                body = self._read(response)
        except httpx2.TransportError as error:
            raise _no_answer(type(error).__name__) from None
        _check(response.status_code, body)
        return body, response.status_code, response.headers

    def _read(self, response: httpx2.Response) -> str:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise _no_answer("answer too large")
            self.remaining()
        return body.decode(errors="replace")


def _no_answer(reason: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(reason)  # type: ignore[no-untyped-call] # the SDK's has no types


def _check(status: int, body: str) -> None:
    """Raise APIError for what the API itself does not answer: the SDK fails on it in ways of its own."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    fits = isinstance(answer, dict) and (httpx2.codes.is_success(status) or isinstance(answer.get("error"), dict))
    if not fits:
        raise stripe.APIError("no answer of the API", http_status=status)
