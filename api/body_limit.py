"""Bodies are bounded, whether they say their length or not.

FastAPI's own limit answers in plain text, whatever a handler says; every error here is a problem.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ProblemError

LARGEST_BODY = 64 * 1024


class BodyLimitMiddleware:
    """Stops reading a body at 64 KiB."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > LARGEST_BODY:
                raise ProblemError("BODY_TOO_LARGE")
            return message

        await self._app(scope, bounded, send)
