"""Times every request and logs its answer, by the route's template: a path may hold anything."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import clear_contextvars

from telemetry.metrics import REQUEST_SECONDS

log = logging.getLogger(__name__)

NO_ROUTE = "none"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
# Asked every few seconds by whoever watches over us.
_QUIET = ("/health", "/ready")
INTERNAL = 500
BROKEN_OFF = 499
"""The client was gone before an answer began."""


class ObservingMiddleware:
    """Counts, times and logs what is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), BROKEN_OFF
        # What is bound from here on belongs to this request, and is still there when its answer is logged.
        clear_contextvars()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:
            status = INTERNAL  # as it is answered outside of us
            raise
        finally:
            _tell(scope, status, time.perf_counter() - began)


def route_of(scope: Scope) -> str:
    """Return the template of the route that a request took, as far as it came."""
    return str(getattr(scope.get("route"), "path", NO_ROUTE))


def method_of(scope: Scope) -> str:
    """Return a request's method; all that nobody serves are one."""
    return str(scope["method"]) if scope["method"] in _METHODS else NO_ROUTE


def _tell(scope: Scope, status: int, seconds: float) -> None:
    method, route = method_of(scope), route_of(scope)
    REQUEST_SECONDS.labels(method, route, status).observe(seconds)
    if route not in _QUIET:
        members = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        log.info("request answered", extra=members)
