"""Adds timeouts where uvicorn has none: for a request's head, and for a client that does not read its response."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors.problems import ProblemError, build_native_response

CLIENT_SECONDS = 20.0
"""The longest time for sending a request's head, from the connection or its first byte; also for reading on."""
IDLE_SECONDS = 75.0
"""How long a connection without a request stays open after a response.

Longer than proxies and clients keep one for their next request (nginx and load balancers 60 seconds): if we closed it
first, a request that is just being sent would be lost without an answer.
"""
MAX_HEAD = 32 * 1024
"""More than api/middleware/body_limit.py accepts: a head without an end is cut off while it arrives."""


class SlowClientProtocol(HttpToolsProtocol):
    """Closes connections whose client sends no request, or does not read its response."""

    _head = 0
    _in_body = False
    _responding = False
    _head_timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self.timeout_keep_alive = IDLE_SECONDS  # type: ignore[assignment] # any number of seconds serves
        self._start_head_timer()

    def data_received(self, data: bytes) -> None:
        """Receive data: with the first byte of a head starts its timeout; refuse a head that exceeds MAX_HEAD."""
        if not self._in_body:
            self._head += len(data)
            if self._head_timer is None and not self._responding:
                self._start_head_timer()
        super().data_received(data)
        if not self._in_body and self._head > MAX_HEAD and not self.transport.is_closing():
            self._refuse("HEADERS_TOO_LARGE")

    def on_headers_complete(self) -> None:
        """Stop the timeout: the request has arrived."""
        self._stop_head_timer()
        self._head, self._in_body, self._responding = 0, True, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next head."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the timeout for a next head whose first bytes have arrived, or for the rest of an unread body."""
        super().on_response_complete()
        self._responding = not self.cycle.response_complete
        if not self._responding and (self._head or self._in_body):
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
        self._stop_head_timer()
        _cancel(self._read_timer)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's plain text, replaced by a problem
        """Respond to invalid HTTP."""
        self._refuse("MALFORMED_REQUEST")

    def _start_head_timer(self) -> None:
        self._stop_head_timer()
        self._head_timer = self.loop.call_later(CLIENT_SECONDS, self.transport.abort)

    def _stop_head_timer(self) -> None:
        _cancel(self._head_timer)
        self._head_timer = None

    def _refuse(self, code: str) -> None:
        response = build_native_response(ProblemError(code))
        headers = b"".join(b"%b: %b\r\n" % each for each in response.raw_headers)
        line = f"HTTP/1.1 {response.status_code} \r\n".encode()
        self.transport.write(line + headers + b"connection: close\r\n\r\n" + bytes(response.body))
        self.transport.close()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
