"""The HTTP server of the emulator, with a thread for each connection."""

import json
import socket
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.stripe.emulator import control
from tests.stripe.emulator.idempotency import Response
from tests.stripe.emulator.service import Request, Service


class Server(ThreadingHTTPServer):
    """Serves on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, service: Service) -> None:
        super().__init__(listening.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket, self.service = listening, service


class Handler(BaseHTTPRequestHandler):
    """Reads requests and sends responses."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if parts.path.startswith(control.PREFIX):
            self._send(self._control(parts.path.removeprefix(control.PREFIX), body))
        else:
            self._send(self.server.service.serve(Request(self.command, parts.path, parts.query, body, headers)))

    do_GET = do_POST = do_DELETE = do_PUT = _handle  # noqa: N815 - the standard library's names

    def _control(self, command: str, body: str) -> Response:
        try:
            answer = control.run(self.server.service, command, json.loads(body or "{}"))
        except KeyError as error:
            return Response(404, json.dumps({"unknown": error.args}).encode())
        return Response(200, json.dumps(answer).encode())

    def _send(self, response: Response) -> None:
        if response.cut:
            self.close_connection = True
            with suppress(OSError):  # the client may have closed it
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response_only(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        with suppress(ConnectionError):  # likewise
            self.end_headers()
            self.wfile.write(response.body)
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Log nothing: tests read the requests by control."""
