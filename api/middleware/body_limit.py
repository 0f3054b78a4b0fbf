"""Bodies are bounded, whether they say their length or not, and have to come in.

FastAPI's own limit answers in plain text, whatever a handler says; every error here is a problem.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors.problems import ProblemError, shaped

MAX_BODY = 64 * 1024
BODY_SECONDS = 10.0
"""From when its reading begins."""


class BodyLimitMiddleware:
    """Stops reading a body at 64 KiB, or after 10 seconds."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        await self._app(scope, _Bounded(receive), send)


class _Bounded:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = 0
        self._complete = False
        self._until: float | None = None

    async def __call__(self) -> Message:
        if self._complete:
            # What comes now is that the client goes away, whenever that may be.
            return await self._receive()
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise ProblemError("BODY_TOO_SLOW", headers={"Connection": "close"}) from None
        self._read += len(message.get("body", b""))
        if self._read > MAX_BODY:
            raise ProblemError("BODY_TOO_LARGE")
        self._complete = not message.get("more_body", False)
        return message


MAX_ADDRESS = 8 * 1024

MAX_HEADERS = 16 * 1024


class RequestLimitMiddleware:
    """Refuses addresses beyond 8 KiB and headers beyond 16 KiB in all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and (code := _too_much(scope)):
            await shaped(scope, ProblemError(code))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _too_much(scope: Scope) -> str | None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_ADDRESS:
        return "ADDRESS_TOO_LONG"
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
        return "HEADERS_TOO_LARGE"
    return None
