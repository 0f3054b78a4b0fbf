"""What answers may be used for: nothing is kept, framed, guessed at or run, unless whoever answers says so."""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.rate_limits.limiter import limit_headers

# Both pages have a script and styles of their own in their HTML; ReDoc searches in a worker it makes itself.
DOCS_CSP = (
    "default-src 'none'; connect-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DEFAULT_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class SecurityHeadersMiddleware:
    """Puts the usual headers on every answer that has none of its own, errors too; some pages may load what we serve.

    So it does with what was counted of a caller's requests.
    """

    def __init__(self, app: ASGIApp, pages: tuple[str, ...]) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_page = scope["path"] in self._pages

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if is_page:
                    headers["Content-Security-Policy"] = DOCS_CSP
                for name, value in (*DEFAULT_HEADERS.items(), *limit_headers(scope).items()):
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, answer)
