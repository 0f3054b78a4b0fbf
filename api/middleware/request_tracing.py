"""Records a span for every request, in the trace of the client if it sends one.

Importing this module needs the extra `tracing`. FastAPI's own spans are not used: they contain paths and
queries, which may contain personal data.
"""

from opentelemetry.trace import SpanKind, Status, StatusCode, get_tracer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors.route_labels import method_of, route_template
from telemetry.spans import context_from

_SERVER_ERROR = 500


class TracingMiddleware:
    """Records requests as spans named by their route's template."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, tracer = method_of(scope), get_tracer(__name__)
        context = context_from(dict(Headers(scope=scope).items()))
        with tracer.start_as_current_span(method, context, SpanKind.SERVER, set_status_on_exception=False) as span:

            async def record_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _SERVER_ERROR:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._app(scope, receive, record_status)
            finally:
                span.update_name(f"{method} {route_template(scope)}")
                span.set_attributes({"http.request.method": method, "http.route": route_template(scope)})
