"""Connections are bounded where uvicorn waits for ever: for a request's head, and for a client that does not read."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors.problems import ProblemError, response

CLIENT_SECONDS = 20.0
"""How long a client may take to send a request's head, from when it connected or was answered, or to read on."""
MAX_HEAD = 32 * 1024
"""Beyond what api/request_limit.py takes: what never ends is cut off while it comes in."""


class SlowClientProtocol(HttpToolsProtocol):
    """Drops clients that keep a connection without asking anything, or without reading what they asked for."""

    _head = 0
    _in_body = False
    _waiting: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came in; a head that does not end is refused."""
        if not self._in_body:
            self._head += len(data)
        super().data_received(data)
        if not self._in_body and self._head > MAX_HEAD and not self.transport.is_closing():
            self._refuse("HEADERS_TOO_LARGE")

    def on_headers_complete(self) -> None:
        """Wait no longer: it is our turn."""
        _cancel(self._waiting)
        self._head, self._in_body = 0, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Take what comes next for a head."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there. The rest of a body nobody read has to come in by then too."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._wait()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read."""
        super().pause_writing()
        self._stalled = self.loop.call_later(CLIENT_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Wait no longer: it reads."""
        _cancel(self._stalled)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        _cancel(self._waiting)
        _cancel(self._stalled)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what uvicorn would say, in plain text
        """Answer what is no HTTP."""
        self._refuse("MALFORMED_REQUEST")

    def _wait(self) -> None:
        _cancel(self._waiting)
        self._waiting = self.loop.call_later(CLIENT_SECONDS, self.transport.abort)

    def _refuse(self, code: str) -> None:
        answer = response(ProblemError(code))
        headers = b"".join(b"%b: %b\r\n" % each for each in answer.raw_headers)
        line = f"HTTP/1.1 {answer.status_code} \r\n".encode()
        self.transport.write(line + headers + b"connection: close\r\n\r\n" + bytes(answer.body))
        self.transport.close()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
