"""Adds an X-Correlation-Id to every response: the client's own, or a generated one."""

import re
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from api.errors.problems import ProblemError, build_response

HEADER = "X-Correlation-Id"
_VALID = re.compile(r"[\x21-\x7e]{1,256}")
"""Visible ASCII: nothing that a header, a log line or a page could not repeat as it is."""


class CorrelationMiddleware:
    """Reads or generates the correlation id; binds it to the request, its log records and its response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        values = [value for name, value in scope["headers"] if name == HEADER.lower().encode()]
        text = values[0].decode("latin-1") if values else ""
        correlation_id = text or str(uuid.uuid4())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = correlation_id
            await send(message)

        if len(values) > 1 or not _VALID.fullmatch(correlation_id):
            correlation_id = str(uuid.uuid4())
            await build_response(scope, ProblemError("HEADER_INVALID", [{"field": HEADER}]))(
                scope, receive, send_with_id
            )
            return
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        bind_contextvars(correlation_id=correlation_id)
        await self._app(scope, receive, send_with_id)
