"""X-Correlation-Id on every answer: the caller's own, or one made here."""

import re
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from api.errors.problems import ProblemError, shaped

HEADER = "X-Correlation-Id"
_VALID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class CorrelationMiddleware:
    """Takes or makes the correlation id, keeps it for the request and all it logs, and puts it on the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = [value for name, value in scope["headers"] if name == HEADER.lower().encode()]
        text = given[0].decode("latin-1") if given else ""
        correlation_id = text or str(uuid.uuid4())

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = correlation_id
            await send(message)

        if len(given) > 1 or not _VALID.fullmatch(correlation_id):
            correlation_id = str(uuid.uuid4())
            await shaped(scope, ProblemError("HEADER_INVALID", [{"field": HEADER}]))(scope, receive, answer)
            return
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        bind_contextvars(correlation_id=correlation_id)
        await self._app(scope, receive, answer)
