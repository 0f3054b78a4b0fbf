"""Route classes that authenticate the caller and check headers before the body is read.

This happens in the route class because FastAPI reads the body before it resolves dependencies. `Security(...)`
on a route would authenticate the caller only after its body was read and parsed.
"""

from collections.abc import Callable
from email.message import Message
from functools import lru_cache
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.auth.authenticator import Authenticator
from api.auth.route_scopes import FOR_PRICES, SCOPE_OF, SIGNED_ROUTES
from api.errors.problems import MEDIA_TYPE, ProblemError
from api.http.strict_json import StrictRequest
from api.middleware.body_limit import MAX_BODY


class AuthenticatedRoute(APIRoute):
    """A route with authentication that accepts uncompressed JSON in UTF-8 and responds with JSON.

    A route whose name has no scope in `route_scopes` cannot be created.
    """

    media_type = "application/json"

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the handler: authenticate the caller, check the headers, then parse the body strictly."""
        handle, scope = super().get_route_handler(), SCOPE_OF[self.name]

        async def handle_authenticated(request: Request) -> Response:
            authenticator: Authenticator = request.app.state.authenticator
            await authenticator.authenticate(request, scope, for_prices=self.name in FOR_PRICES)
            self.check(request)
            response: Response = await handle(StrictRequest(request.scope, request.receive))
            return response

        return handle_authenticated

    def check(self, request: Request) -> None:
        """Raise a problem if the headers are not acceptable; the body is not read yet."""
        _check_media(request, self.media_type)


class SignedRoute(APIRoute):
    """A route without a scope: its handler verifies the signature on the raw body before it reads it.

    A route whose name is not listed in `route_scopes` cannot be created.
    """

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the handler: check the headers before the body is read."""
        if self.name not in SIGNED_ROUTES:
            raise LookupError(f"{self.name} has no exception from authentication")
        handle = super().get_route_handler()

        async def handle_signed(request: Request) -> Response:
            _check_media(request, "application/json")
            response: Response = await handle(request)
            return response

        return handle_signed


class StreamRoute(AuthenticatedRoute):
    """A route that responds with server-sent events."""

    media_type = "text/event-stream"


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _check_media(request: Request, media_type: str) -> None:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY:
        raise ProblemError("BODY_TOO_LARGE")
    accepts = request.headers.get("accept", "*/*")
    any_subtype = f"{media_type.partition('/')[0]}/*"
    if not any(kind in accepts for kind in ("*/*", any_subtype, media_type, MEDIA_TYPE)):
        raise ProblemError("NOT_ACCEPTABLE")
    if request.method in ("POST", "PUT", "PATCH") and _has_body(request):
        plain = request.headers.get("content-encoding", "identity") == "identity"
        # Without a Content-Type a body is taken as JSON, the only type this API accepts.
        if not plain or not _is_json(request.headers.get("content-type", "application/json")):
            raise ProblemError("UNSUPPORTED_MEDIA_TYPE")


@lru_cache(maxsize=64)  # parsing costs more than everything else here, and clients send the same few
def _is_json(content_type: str) -> bool:
    """Whether a Content-Type is JSON in UTF-8."""
    message = Message()
    message["content-type"] = content_type
    charset = str(message.get_param("charset", "utf-8")).lower()
    return message.get_content_type() == "application/json" and charset in ("utf-8", "utf8")
