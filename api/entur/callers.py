"""Who may ask how often, and which headers a request must carry."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import TypeAdapter, ValidationError

from api.entur.settings import NAMED, UNNAMED
from api.headers import single
from api.limiting import Limiter, address_of
from api.problems import ProblemError
from api.strict_json import StrictRoute
from domain.access import Caller
from domain.model import Code, Text

CHANNEL, POS, CLIENT = "Entur-Distribution-Channel", "Entur-Pos", "ET-Client-Name"
_CLIENT_NAME = re.compile(r"(?=.{3,100}$)\w+(-\w+)+", re.ASCII)
_VALID: dict[str, TypeAdapter[str]] = {CHANNEL: TypeAdapter(Code), POS: TypeAdapter(Text)}


async def count(request: Request) -> None:
    """Count a request: each named client by itself, all others together by address. Raises RATE_LIMITED."""
    limiter: Limiter = request.app.state.limiter
    name = request.headers.get(CLIENT, "")
    if _CLIENT_NAME.fullmatch(name):
        await limiter.count(request, NAMED, name.lower())
    else:
        await limiter.count(request, UNNAMED, address_of(request))


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


class EnturRoute(StrictRoute):
    """A route that counts its callers and wants the two headers, before anything of a body is read."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Check a request, then handle it strictly."""
        handle = super().get_route_handler()

        async def counting(request: Request) -> Response:
            await count(request)
            for name in _VALID:
                required(request, name)
            answer: Response = await handle(request)
            return answer

        return counting


def documented(
    request: Request,
    _channel: Annotated[str, Header(alias=CHANNEL, description="Distribution channel.", examples=["WAY:App"])],
    _pos: Annotated[str, Header(alias=POS, description="Point of sale, of your own choosing.")],
    _client: Annotated[
        str | None, Header(alias=CLIENT, description="<company>-<application>; others share a strict rate limit.")
    ] = None,
    _correlation: Annotated[str | None, Header(alias="X-Correlation-Id", description="Made when absent.")] = None,
) -> None:
    """Show the headers in the OpenAPI file, which the route has checked; the channel must be the caller's own."""
    caller: Caller = request.state.caller
    if caller.reach.channel not in (None, required(request, CHANNEL)):
        raise ProblemError("CHANNEL_REFUSED")
