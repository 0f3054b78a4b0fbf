"""Follows the event stream of a change to its end, and resumes it after interruptions."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2

from cli.http_clients.responses import Json, ShopError, raise_for_problem

# The API sends something at least every 15 seconds, if only a comment.
STREAM_TIMEOUT = httpx2.Timeout(10, read=40)
RESUME_SECONDS = 0.5


@dataclass(frozen=True)
class StreamEvent:
    """One message of a stream; only the order's events have a number."""

    event: str
    number: int | None
    data: Json


@dataclass
class _Position:
    """How far a client has followed a change."""

    number: int = 0
    steps: dict[str, Json] = field(default_factory=dict)
    ended: bool = False

    def take(self, message: httpx2.ServerSentEvent) -> StreamEvent | None:
        """Return the event of a message, or None if it was sent before: a resumed stream sends all steps again."""
        data = message.json()
        if not isinstance(data, dict):
            return None
        if message.event == "step":
            if self.steps.get(data["step"]) == data:
                return None
            self.steps[data["step"]] = data
            return StreamEvent(message.event, None, data)
        if message.event == "ended":
            self.ended = True
            return StreamEvent(message.event, None, data)
        self.number = int(message.id)
        return StreamEvent(message.event, self.number, data)


def follow(http: httpx2.Client, change: str, max_outage: float) -> Iterator[StreamEvent]:
    """Yield each event of a change once, until the change has ended.

    Raises ShopError for a problem, and httpx2's TransportError when the API is unreachable for `max_outage` seconds.
    """
    position, lost_at = _Position(), None
    while not position.ended:
        try:
            headers = {"Last-Event-ID": str(position.number)}
            with http.sse(f"/v1/changes/{change}/events", headers=headers, timeout=STREAM_TIMEOUT) as stream:
                _check(stream.response)
                lost_at = None
                yield from (event for message in stream if (event := position.take(message)))
        except (httpx2.TransportError, ShopError) as error:
            lost_at = lost_at or time.monotonic()
            if not _is_temporary(error) or time.monotonic() > lost_at + max_outage:
                raise
        if not position.ended:
            time.sleep(RESUME_SECONDS)


def _check(response: httpx2.Response) -> None:
    if response.is_error:
        response.read()
    raise_for_problem(response)


def _is_temporary(error: Exception) -> bool:
    """Whether waiting may help: the API is unreachable, serves too many streams, or its database is busy."""
    return not isinstance(error, ShopError) or error.status == httpx2.codes.SERVICE_UNAVAILABLE
