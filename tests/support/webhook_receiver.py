"""A webhook receiver: a real HTTP server that records the posts it gets and answers as the test sets."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from telemetry.loopback import HOST
from tests.support.leak_detection import OUTPUTS

ACCEPTED = 204


@dataclass(frozen=True)
class Post:
    """One post."""

    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def id(self) -> str:
        """The message's id."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        """The message."""
        payload: dict[str, Any] = json.loads(self.body)
        return payload

    @property
    def event(self) -> tuple[str, int]:
        """The order and the number of the event."""
        return self.json["data"]["order"], self.json["data"]["number"]


@dataclass
class Receiver:
    """The posts received, and how to answer the next ones; 204 by default."""

    url: str
    posts: list[Post] = field(default_factory=list)
    statuses: "deque[int]" = field(default_factory=deque)
    default_status: int = ACCEPTED
    location: str = ""
    """The target of redirects; without it no answer redirects."""
    open: threading.Event = field(default_factory=threading.Event)
    """While this is not set, the receiver does not answer."""
    endless: threading.Event | None = None
    """If given, answers never end; it is set when the client closes the connection."""

    def of(self, order: str) -> list[Post]:
        """Return the posts about an order, in the order they came."""
        return [post for post in list(self.posts) if post.json["data"].get("order") == order]

    def numbers(self, order: str) -> list[int]:
        """Return the numbers of the order's events, in the order they came."""
        return [post.event[1] for post in self.of(order)]

    def status(self) -> int:
        """Return the next answer's status."""
        return self.statuses.popleft() if self.statuses else self.default_status


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined] # our own server
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        OUTPUTS.search("post", f"{self.path}\n{self.headers}\n{body}".encode(), self.headers.get("webhook-id", ""))
        status = receiver.status()
        receiver.posts.append(Post(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        receiver.open.wait(30)
        self.send_response(status)
        if receiver.location:
            self.send_header("Location", receiver.location)
        self.send_header("Content-Length", "0" if receiver.endless is None else str(10**12))
        self.end_headers()
        if receiver.endless is not None:
            self._send_without_end(receiver.endless)

    def _send_without_end(self, hung_up: threading.Event) -> None:
        try:
            while True:
                self.wfile.write(b"x" * 65_536)
        except OSError:
            hung_up.set()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Accept posts on loopback until the block ends."""
    server = _Server((HOST, 0), _Handler)
    server.receiver = receiver = Receiver(f"http://{HOST}:{server.server_port}/orders?shop=77")
    receiver.open.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.open.set()
        server.shutdown()
        thread.join()
        server.server_close()
