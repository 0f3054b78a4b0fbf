"""Route classes: they authenticate the caller and check headers before the body is read."""

from collections.abc import Callable
from email.message import Message
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.auth.authenticator import Authenticator
from api.auth.route_scopes import FOR_PRICES, SCOPE_OF
from api.errors.problems import MEDIA_TYPE, ProblemError
from api.http.strict_json import StrictRequest
from api.middleware.body_limit import MAX_BODY


class AuthenticatedRoute(APIRoute):
    """A route for those who may, which takes uncompressed JSON in UTF-8 and answers JSON."""

    answers = "application/json"

    def get_route_handler(self) -> Callable[[Request], Any]:
        """See who asks and what the body is said to be, then handle the request strictly."""
        handle, needed = super().get_route_handler(), SCOPE_OF[self.name]

        async def strict(request: Request) -> Response:
            door: Authenticator = request.app.state.door
            await door.authenticate(request, needed, for_prices=self.name in FOR_PRICES)
            self.check(request)
            answer: Response = await handle(StrictRequest(request.scope, request.receive))
            return answer

        return strict

    def check(self, request: Request) -> None:
        """Refuse a request by its headers, before anything of a body is read."""
        _check_media(request, self.answers)


class StreamRoute(AuthenticatedRoute):
    """A route that answers with server-sent events."""

    answers = "text/event-stream"


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _check_media(request: Request, answers: str) -> None:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY:
        raise ProblemError("BODY_TOO_LARGE")
    accepts = request.headers.get("accept", "*/*")
    any_like_it = f"{answers.partition('/')[0]}/*"
    if not any(kind in accepts for kind in ("*/*", any_like_it, answers, MEDIA_TYPE)):
        raise ProblemError("NOT_ACCEPTABLE")
    if request.method in ("POST", "PUT", "PATCH") and _has_body(request):
        message = Message()
        # A body that does not say what it is can only be JSON here.
        message["content-type"] = request.headers.get("content-type", "application/json")
        charset = str(message.get_param("charset", "utf-8")).lower()
        plain = request.headers.get("content-encoding", "identity") == "identity"
        if message.get_content_type() != "application/json" or charset not in ("utf-8", "utf8") or not plain:
            raise ProblemError("UNSUPPORTED_MEDIA_TYPE")
