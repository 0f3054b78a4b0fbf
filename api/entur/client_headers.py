"""Request headers of Entur's API: rate limits by client name, and the two required headers."""

import re
import unicodedata
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
_APPLICATION = re.compile(r"\w+", re.ASCII)
_MAX_CLIENT_NAME = 100
_VALID: dict[str, TypeAdapter[str]] = {CHANNEL: TypeAdapter(Code), POS: TypeAdapter(Text)}
_SHOWN = {name: WithJsonSchema(kind.json_schema()) for name, kind in _VALID.items()}


async def limit_rate(request: Request) -> None:
    """Count a request against its limit: one per client name, else one per IP address. Raises RATE_LIMITED."""
    limiter: RateLimiter = request.app.state.limiter
    name = unicodedata.normalize("NFC", _decoded(request.headers.get(CLIENT, "")))
    if is_client_name(name):
        await limiter.check(request, NAMED, name.casefold())
    else:
        await limiter.check(request, UNNAMED, address_of(request))


def is_client_name(name: str) -> bool:
    """Whether a client names itself as Entur asks: `<company>-<application>`, or `<personal name>-<application>`.

    A personal name has letters of any script, spaces and dots; like a company's it may have hyphens of its own.
    """
    owner, hyphen, application = name.rpartition("-")
    proper = hyphen and len(name) <= _MAX_CLIENT_NAME and _APPLICATION.fullmatch(application)
    return bool(proper) and all(_is_owner(part) for part in owner.split("-"))


def _is_owner(part: str) -> bool:
    """Whether a part of a company's or person's name is one: letters and digits of any script, spaces and dots."""
    in_words = part == part.strip() and any(each.isalnum() for each in part)
    return in_words and all(unicodedata.category(each)[0] in "LMN" or each in " ._" for each in part)


def require_header(request: Request, name: str) -> str:
    """Return a header's value. Raises HEADER_MISSING or HEADER_INVALID with the header's name."""
    value = single(request, name)
    if value is None:
        raise ProblemError("HEADER_MISSING", [{"field": name}])
    try:
        # Starlette decodes header values as Latin-1; most clients send UTF-8.
        return _VALID[name].validate_python(_decoded(value))
    except ValidationError:
        raise ProblemError("HEADER_INVALID", [{"field": name}]) from None


def _decoded(value: str) -> str:
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


class EnturRoute(AuthenticatedRoute):
    """A route that limits the request rate, authenticates, and requires two headers before the body is read."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return a handler that counts the request before the inherited handler authenticates it."""
        handle = super().get_route_handler()

        async def limit_then_handle(request: Request) -> Response:
            await limit_rate(request)
            response: Response = await handle(request)
            return response

        return limit_then_handle

    def check(self, request: Request) -> None:
        """Raise HEADER_MISSING or HEADER_INVALID unless both required headers are valid."""
        super().check(request)
        for name in _VALID:
            require_header(request, name)


def check_channel(
    request: Request,
    _channel: Annotated[str, _SHOWN[CHANNEL], Header(alias=CHANNEL, description="Distribution channel: WAY:App.")],
    _pos: Annotated[str, _SHOWN[POS], Header(alias=POS, description="Point of sale: a name you choose.")],
    _client: Annotated[
        str | None,
        header_schema(),
        Header(
            alias=CLIENT,
            description="<company>-<application> or <personal name>-<application>; clients without it share a strict "
            "rate limit per address.",
        ),
    ] = None,
    _correlation: Annotated[
        str | None,
        header_schema("^[!-~]{0,256}$"),
        Header(alias="X-Correlation-Id", description="Generated when absent."),
    ] = None,
) -> None:
    """Raise CHANNEL_REFUSED unless the channel is the caller's own.

    The parameters document the headers in the OpenAPI file; `EnturRoute.check` has already checked them.
    """
    caller: Caller = request.state.caller
    if caller.access.channel not in (None, require_header(request, CHANNEL)):
        raise ProblemError("CHANNEL_REFUSED")
