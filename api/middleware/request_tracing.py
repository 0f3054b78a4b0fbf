"""A span for every request, in the caller's trace if it names one. Importing this needs the extra `tracing`.

Not FastAPI's own: its spans hold paths and queries, which may hold anything.
"""

from opentelemetry.trace import SpanKind, Status, StatusCode, get_tracer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors.route_labels import method_of, route_template
from telemetry.spans import asked_by

_OURS = 500


class TracingMiddleware:
    """Spans requests by their route's template."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, tracer = method_of(scope), get_tracer(__name__)
        context = asked_by(dict(Headers(scope=scope).items()))
        with tracer.start_as_current_span(method, context, SpanKind.SERVER, set_status_on_exception=False) as span:

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _OURS:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._app(scope, receive, answer)
            finally:
                span.update_name(f"{method} {route_template(scope)}")
                span.set_attributes({"http.request.method": method, "http.route": route_template(scope)})
