"""Security response headers: by default no caching, framing, sniffing or scripts; a route may override one."""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.rate_limits.limiter import limit_headers

# Both documentation pages have inline scripts and styles; ReDoc creates a worker for its search from a blob.
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
    """Adds the default headers to every response, including errors, unless the response sets them itself.

    The documentation `pages` get a policy that allows their own scripts. The RateLimit headers are added here too.
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

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if is_page:
                    headers["Content-Security-Policy"] = DOCS_CSP
                for name, value in (*DEFAULT_HEADERS.items(), *limit_headers(scope).items()):
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
