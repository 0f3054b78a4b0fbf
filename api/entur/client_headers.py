"""Who may ask how often, and which headers a request must carry."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import TypeAdapter, ValidationError, WithJsonSchema

from api.errors.problems import ProblemError
from api.http.request_headers import header_schema, single
from api.http.routes import AuthenticatedRoute
from api.rate_limits.limiter import RateLimiter, address_of
from api.settings import NAMED, UNNAMED
from domain.access import Caller
from domain.model import Code, Text

CHANNEL, POS, CLIENT = "Entur-Distribution-Channel", "Entur-Pos", "ET-Client-Name"
_CLIENT_NAME = re.compile(r"(?=.{3,100}$)\w+(-\w+)+", re.ASCII)
_VALID: dict[str, TypeAdapter[str]] = {CHANNEL: TypeAdapter(Code), POS: TypeAdapter(Text)}
_SHOWN = {name: WithJsonSchema(kind.json_schema()) for name, kind in _VALID.items()}


async def limit_rate(request: Request) -> None:
    """Count a request: each named client by itself, all others together by address. Raises RATE_LIMITED."""
    limiter: RateLimiter = request.app.state.limiter
    name = request.headers.get(CLIENT, "")
    if _CLIENT_NAME.fullmatch(name):
        await limiter.check(request, NAMED, name.lower())
    else:
        await limiter.check(request, UNNAMED, address_of(request))


def required(request: Request, name: str) -> str:
    """Return a required header. Raises HEADER_MISSING or HEADER_INVALID, with the header's name."""
    value = single(request, name)
    if value is None:
        raise ProblemError("HEADER_MISSING", [{"field": name}])
    try:
        # Header values arrive as Latin-1, whatever was sent; most clients send UTF-8.
        return _VALID[name].validate_python(_decoded(value))
    except ValidationError:
        raise ProblemError("HEADER_INVALID", [{"field": name}]) from None


def _decoded(value: str) -> str:
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


class EnturRoute(AuthenticatedRoute):
    """A route that counts its callers, and wants two headers of those let in before it reads anything of a body."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Count a request, then handle it strictly."""
        handle = super().get_route_handler()

        async def counting(request: Request) -> Response:
            await limit_rate(request)
            answer: Response = await handle(request)
            return answer

        return counting

    def check(self, request: Request) -> None:
        """Refuse a request without the two headers."""
        super().check(request)
        for name in _VALID:
            required(request, name)


def documented(
    request: Request,
    _channel: Annotated[str, _SHOWN[CHANNEL], Header(alias=CHANNEL, description="Distribution channel: WAY:App.")],
    _pos: Annotated[str, _SHOWN[POS], Header(alias=POS, description="Point of sale, of your own choosing.")],
    _client: Annotated[
        str | None,
        header_schema(),
        Header(alias=CLIENT, description="<company>-<application>; others share a strict rate limit."),
    ] = None,
    _correlation: Annotated[
        str | None,
        header_schema("^[A-Za-z0-9._-]{0,64}$"),
        Header(alias="X-Correlation-Id", description="Made when absent."),
    ] = None,
) -> None:
    """Show the headers in the OpenAPI file, which the route has checked; the channel must be the caller's own."""
    caller: Caller = request.state.caller
    if caller.access.channel not in (None, required(request, CHANNEL)):
        raise ProblemError("CHANNEL_REFUSED")
