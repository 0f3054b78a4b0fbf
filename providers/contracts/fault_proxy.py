"""An HTTP proxy that injects faults between a provider and the external system behind it."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_LOOPBACK = "127.0.0.1"
_SHUTDOWN_POLL = timedelta(milliseconds=20)
"""How often the server checks for a shutdown."""
_NOT_FORWARDED = ("connection", "content-length", "date", "server", "transfer-encoding")


class Trouble(Enum):
    """The fault injected into every request while it lasts."""

    LOST = "done, and the response is lost"
    DOWN = "answered 503"
    HURRIED = "answered 429"
    SILENT = "accepted and never answered"
    PAGE = "answered 200 with a page that apologises"
    HALF = "answered 200 with half of a document"


class FalseAnswer(Enum):
    """The answer that stands for each request while it lasts and says nothing true of what was done."""

    BROKEN = "done, and answered 500"
    CREATED = "not done, and answered 201 with a page"
    EMPTY = "not done, and answered 204"
    ELSEWHERE = "not done, and answered with a redirect"
    ENDLESS = "not done, and answered 200 with 20 megabytes"


Disturbance = Trouble | FalseAnswer
Response = tuple[int, bytes, list[tuple[str, str]]]
"""Status, body and headers."""

_RESPONSES: dict[Disturbance, tuple[int, bytes]] = {
    Trouble.DOWN: (503, b'{"error": "unavailable"}'),
    Trouble.HURRIED: (429, b'{"error": "too many requests"}'),
    Trouble.PAGE: (200, b"<html>Sorry! We will be back soon.</html>"),
    Trouble.HALF: (200, b'{"held": [{"reference": "half'),
    FalseAnswer.CREATED: (201, b"<html>Welcome!</html>"),
    FalseAnswer.EMPTY: (204, b""),
    FalseAnswer.ELSEWHERE: (302, b""),
    FalseAnswer.ENDLESS: (200, b" " * 20_000_000),
}
_HEADERS = [("Content-Type", "application/json"), ("Location", "/welcome")]


class FaultProxy:
    """Forwards requests to an address, unless a fault is injected. Give its `url` to the provider under test."""

    handler: "type[ProxyHandler]"

    def __init__(self, address: str) -> None:
        self.trouble: Disturbance | None = None
        self.over = threading.Event()
        self._only: int | None = None
        self._of = ""
        self._requests = 0
        self._counting = threading.Lock()
        parts = urlsplit(address)
        self.host, self.port = parts.hostname or _LOOPBACK, parts.port or 80
        self._server = _Server((_LOOPBACK, 0), self)
        self.url = f"http://{_LOOPBACK}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Listen in the background, with a thread for each request."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL.total_seconds(),), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def __call__(self, trouble: Disturbance, only: int | None = None, of: str = "") -> Iterator[None]:
        """Inject this fault while the block lasts, into every request or only into the one of a number, from 1.

        `of`: a part of the method and path, "PUT /tenants"; other requests are neither counted nor disturbed.
        """
        self.over.clear()
        self._only, self._of, self._requests = only, of, 0
        self.trouble = trouble
        try:
            yield
        finally:
            self.trouble = None
            self.over.set()

    @property
    def requests(self) -> int:
        """The number of requests since the last fault was injected."""
        return self._requests

    def next_trouble(self, request: str) -> Disturbance | None:
        """Count a request, given its method and path; return the fault that happens to it."""
        if self._of not in request:
            return None
        with self._counting:
            self._requests += 1
            return self.trouble if self._only in (None, self._requests) else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(address, proxy.handler)


class ProxyHandler(BaseHTTPRequestHandler):
    """Serves one connection."""

    server: _Server

    def _handle(self) -> None:
        self.serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - the standard library's names

    def serve(self, body: bytes) -> None:
        """Serve one request."""
        self.disturb(body, self.server.proxy.next_trouble(f"{self.command} {self.path}"))

    def disturb(self, body: bytes, trouble: Disturbance | None) -> None:
        """Serve a request with this fault."""
        proxy = self.server.proxy
        if trouble is Trouble.SILENT:
            proxy.over.wait()
            self.hang_up()
        elif trouble in _RESPONSES:
            self.answer(*_RESPONSES[trouble], _HEADERS)
        else:
            response = self.forward(body)
            if trouble is Trouble.LOST:
                self.hang_up()
            elif trouble is FalseAnswer.BROKEN:
                self.answer(500, b'{"error": "broken"}', _HEADERS)
            else:
                self.answer(*response)

    def forward(self, body: bytes) -> Response:
        """Send the request on; return what is answered."""
        proxy = self.server.proxy
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED}
        with closing(http.client.HTTPConnection(proxy.host, proxy.port)) as upstream:
            upstream.request(self.command, self.path, body, headers)
            response = upstream.getresponse()
            return response.status, response.read(), response.getheaders()

    def answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        """Answer the request."""
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _NOT_FORWARDED:
                self.send_header(name, value)
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # the client may have timed out
            self.end_headers()
            self.wfile.write(body)

    def hang_up(self) -> None:
        """Cut the connection."""
        self.close_connection = True
        with suppress(OSError):  # likewise
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Log nothing: requests may hold personal data."""


FaultProxy.handler = ProxyHandler
