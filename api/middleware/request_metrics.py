"""Measures and logs every request by its route's template, because a path may contain personal data."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import clear_contextvars

from api.errors.route_labels import method_of, route_template
from telemetry.metrics import REQUEST_SECONDS

log = logging.getLogger(__name__)

# Health checks call these every few seconds.
_QUIET = ("/health", "/ready")
INTERNAL = 500
CLIENT_DISCONNECTED = 499
"""The client disconnected before the response started."""


class RequestMetricsMiddleware:
    """Counts, measures and logs requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), CLIENT_DISCONNECTED
        # Values bound from here on belong to this request and are still bound when its end is logged.
        clear_contextvars()

        async def record_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, record_status)
        except Exception:
            status = INTERNAL  # Starlette's outer error middleware sends this status
            raise
        finally:
            _report(scope, status, time.perf_counter() - started)


def _report(scope: Scope, status: int, seconds: float) -> None:
    method, route = method_of(scope), route_template(scope)
    REQUEST_SECONDS.labels(method, route, status).observe(seconds)
    if route not in _QUIET:
        members = {"method": method, "route": route, "status": status, "duration_ms": round(seconds * 1000, 1)}
        log.info("request completed", extra=members)
