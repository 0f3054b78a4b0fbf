"""Times every request and logs its answer, by the route's template: a path may hold anything."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import clear_contextvars

from api.errors.route_labels import method_of, route_template
from telemetry.metrics import REQUEST_SECONDS

log = logging.getLogger(__name__)

# Asked every few seconds by whoever watches over us.
_QUIET = ("/health", "/ready")
INTERNAL = 500
CLIENT_DISCONNECTED = 499
"""The client was gone before an answer began."""


class RequestMetricsMiddleware:
    """Counts, times and logs what is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), CLIENT_DISCONNECTED
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


def _tell(scope: Scope, status: int, seconds: float) -> None:
    method, route = method_of(scope), route_template(scope)
    REQUEST_SECONDS.labels(method, route, status).observe(seconds)
    if route not in _QUIET:
        members = {"method": method, "route": route, "status": status, "duration_ms": round(seconds * 1000, 1)}
        log.info("request answered", extra=members)
