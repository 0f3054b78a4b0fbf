"""Adds timeouts where uvicorn has none: for a request's head, and for a client that does not read its response."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors.problems import ProblemError, build_native_response

CLIENT_SECONDS = 20.0
"""The longest time for sending a request's head, from the connection or the last response; also for reading on."""
MAX_HEAD = 32 * 1024
"""More than api/middleware/body_limit.py accepts: a head without an end is cut off while it arrives."""


class SlowClientProtocol(HttpToolsProtocol):
    """Closes connections whose client sends no request, or does not read its response."""

    _head = 0
    _in_body = False
    _head_timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self._start_head_timer()

    def data_received(self, data: bytes) -> None:
        """Receive data; refuse a head that exceeds MAX_HEAD."""
        if not self._in_body:
            self._head += len(data)
        super().data_received(data)
        if not self._in_body and self._head > MAX_HEAD and not self.transport.is_closing():
            self._refuse("HEADERS_TOO_LARGE")

    def on_headers_complete(self) -> None:
        """Stop the timeout: the request has arrived."""
        _cancel(self._head_timer)
        self._head, self._in_body = 0, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next head."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the timeout for the next request, unless it has arrived.

        The rest of a body that the handler did not read must arrive within this timeout too.
        """
        super().on_response_complete()
        if self.cycle.response_complete:
            self._start_head_timer()

    def pause_writing(self) -> None:
        """Start the timeout for a client that does not read."""
        super().pause_writing()
        self._read_timer = self.loop.call_later(CLIENT_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timeout: the client reads again."""
        _cancel(self._read_timer)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timeouts."""
        _cancel(self._head_timer)
        _cancel(self._read_timer)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's plain text, replaced by a problem
        """Respond to invalid HTTP."""
        self._refuse("MALFORMED_REQUEST")

    def _start_head_timer(self) -> None:
        _cancel(self._head_timer)
        self._head_timer = self.loop.call_later(CLIENT_SECONDS, self.transport.abort)

    def _refuse(self, code: str) -> None:
        response = build_native_response(ProblemError(code))
        headers = b"".join(b"%b: %b\r\n" % each for each in response.raw_headers)
        line = f"HTTP/1.1 {response.status_code} \r\n".encode()
        self.transport.write(line + headers + b"connection: close\r\n\r\n" + bytes(response.body))
        self.transport.close()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
