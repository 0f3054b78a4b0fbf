"""Addresses and headers are bounded: what is longer is refused before anybody looks at it."""

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import ProblemError, shaped

LONGEST_ADDRESS = 8 * 1024
MOST_HEADERS = 16 * 1024


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
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_ADDRESS:
        return "ADDRESS_TOO_LONG"
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADERS:
        return "HEADERS_TOO_LARGE"
    return None
