"""Follows a change's stream of events to its end, however often it has to be resumed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2

from cli.http_clients.responses import Json, ShopError, checked

# The API says something at least every 15 seconds, be it only a comment.
LONGEST_SILENCE = httpx2.Timeout(10, read=40)
RESUME_SECONDS = 0.5


@dataclass(frozen=True)
class StreamEvent:
    """One message of a stream; only the order's events are numbered."""

    event: str
    number: int | None
    data: Json


@dataclass
class _Following:
    """How far somebody has followed a change."""

    number: int = 0
    steps: dict[str, Json] = field(default_factory=dict)
    ended: bool = False

    def take(self, message: httpx2.ServerSentEvent) -> StreamEvent | None:
        """Take a message; None for what was told before: a stream that is resumed tells its steps again."""
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


def follow(http: httpx2.Client, change: str, patience: float) -> Iterator[StreamEvent]:
    """Yield what happens to a change until it has ended, each thing once.

    Raises ShopError for a problem, and httpx2's TransportError when nobody has answered for so many seconds.
    """
    following, lost = _Following(), None
    while not following.ended:
        try:
            headers = {"Last-Event-ID": str(following.number)}
            with http.sse(f"/v1/changes/{change}/events", headers=headers, timeout=LONGEST_SILENCE) as stream:
                _check(stream.response)
                lost = None
                yield from (told for message in stream if (told := following.take(message)))
        except (httpx2.TransportError, ShopError) as error:
            lost = lost or time.monotonic()
            if not _passes(error) or time.monotonic() > lost + patience:
                raise
        if not following.ended:
            time.sleep(RESUME_SECONDS)


def _check(answer: httpx2.Response) -> None:
    if answer.is_error:
        answer.read()
    checked(answer)


def _passes(error: Exception) -> bool:
    """Whether waiting may help: nobody is there for a moment, all places are taken, the store is busy."""
    return not isinstance(error, ShopError) or error.status == httpx2.codes.SERVICE_UNAVAILABLE
