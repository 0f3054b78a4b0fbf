"""Limits the size of bodies, URLs and headers, and the time in which a body must arrive.

FastAPI's own limit responds in plain text and ignores exception handlers; these limits respond with a problem.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors.problems import ProblemError, build_response

MAX_BODY = 64 * 1024
BODY_SECONDS = 10.0
"""Time for the whole body, from the start of reading."""


class BodyLimitMiddleware:
    """Refuses bodies beyond 64 KiB, with or without Content-Length, and bodies that take longer than 10 seconds."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        await self._app(scope, _LimitedReceive(receive), send)


class _LimitedReceive:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = 0
        self._complete = False
        self._deadline: float | None = None

    async def __call__(self) -> Message:
        if self._complete:
            # After the body the only message is the client's disconnect, which has no time limit.
            return await self._receive()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise ProblemError("BODY_TOO_SLOW", headers={"Connection": "close"}) from None
        self._read += len(message.get("body", b""))
        if self._read > MAX_BODY:
            raise ProblemError("BODY_TOO_LARGE")
        self._complete = not message.get("more_body", False)
        return message


MAX_URL = 8 * 1024

MAX_HEADERS = 16 * 1024


class RequestLimitMiddleware:
    """Refuses URLs beyond 8 KiB and headers beyond 16 KiB in total."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and (code := _exceeded_limit(scope)):
            await build_response(scope, ProblemError(code))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _exceeded_limit(scope: Scope) -> str | None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_URL:
        return "ADDRESS_TOO_LONG"
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
        return "HEADERS_TOO_LARGE"
    return None
