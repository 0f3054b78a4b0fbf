"""A proxy that makes trouble between a provider and the system it speaks HTTP to."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_LOOPBACK = "127.0.0.1"
_LOOKS = timedelta(milliseconds=20)
"""How often it looks whether it is to end."""
_NOT_PASSED_ON = ("connection", "content-length", "date", "server", "transfer-encoding")


class Trouble(Enum):
    """What happens to every request while it lasts."""

    LOST = "done, and its answer is lost"
    DOWN = "answered 503"
    HURRIED = "answered 429"
    SILENT = "taken, and never answered"
    PAGE = "answered 200 with a page that apologises"
    HALF = "answered with half of a document"


_SAID = {
    Trouble.DOWN: (503, b'{"error": "unavailable"}'),
    Trouble.HURRIED: (429, b'{"error": "too many requests"}'),
    Trouble.PAGE: (200, b"<html>Sorry! We will be back soon.</html>"),
    Trouble.HALF: (200, b'{"seats": [{"reference": "half'),
}


class FaultProxy:
    """Passes requests on to an address, unless there is trouble. Give its `url` to the provider under test."""

    def __init__(self, address: str) -> None:
        self.trouble: Trouble | None = None
        self.over = threading.Event()
        parts = urlsplit(address)
        self.host, self.port = parts.hostname or _LOOPBACK, parts.port or 80
        self._server = _Server((_LOOPBACK, 0), self)
        self.url = f"http://{_LOOPBACK}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Listen, in threads of its own."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_LOOKS.total_seconds(),), daemon=True)
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
    def __call__(self, trouble: Trouble) -> Iterator[None]:
        """Make this trouble while the block lasts."""
        self.over.clear()
        self.trouble = trouble
        try:
            yield
        finally:
            self.trouble = None
            self.over.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], maker: FaultProxy) -> None:
        self.maker = maker
        super().__init__(address, _Passing)


class _Passing(BaseHTTPRequestHandler):
    server: _Server

    def _pass(self) -> None:
        maker = self.server.maker
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trouble = maker.trouble
        if trouble is Trouble.SILENT:
            maker.over.wait()
            self._hang_up()
        elif trouble in _SAID:
            self._answer(*_SAID[trouble], [("Content-Type", "application/json")])
        else:
            answer = self._asked(maker, body)
            if trouble is Trouble.LOST:
                self._hang_up()
            else:
                self._answer(*answer)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _pass  # noqa: N815 - the standard library's names

    def _asked(self, maker: FaultProxy, body: bytes) -> tuple[int, bytes, list[tuple[str, str]]]:
        upstream = http.client.HTTPConnection(maker.host, maker.port)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        upstream.request(self.command, self.path, body, headers)
        heard = upstream.getresponse()
        answer = heard.read()
        upstream.close()
        return heard.status, answer, heard.getheaders()

    def _answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # who asked may be tired of waiting
            self.end_headers()
            self.wfile.write(body)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):  # likewise
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: requests may hold personal details."""
