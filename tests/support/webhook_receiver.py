"""Who subscribed: a real HTTP server that remembers what it was posted and answers as it is told."""

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
    """What was posted once."""

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
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def event(self) -> tuple[str, int]:
        """Which event of which order it is."""
        return self.json["data"]["order"], self.json["data"]["number"]


@dataclass
class Receiver:
    """What came, and how the next posts are answered; 204 when nothing else is said."""

    url: str
    posts: list[Post] = field(default_factory=list)
    statuses: "deque[int]" = field(default_factory=deque)
    default_status: int = ACCEPTED
    location: str = ""
    """Where a redirect leads."""
    open: threading.Event = field(default_factory=threading.Event)
    """While it is not set no answer is given."""
    endless: threading.Event | None = None
    """If there is one, answers never end; it is set once somebody has hung up."""

    def of(self, order: str) -> list[Post]:
        """Return what was posted about an order, in the order it came."""
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
        """A client that has hung up is no error here."""


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
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen on loopback for the length of the block."""
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
