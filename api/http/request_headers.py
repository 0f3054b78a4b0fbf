"""Reads the headers that control how a request is handled: Idempotency-Key, If-Match and Prefer."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import WithJsonSchema

from api.errors.problems import ProblemError

DEFAULT_WAIT = timedelta(seconds=10)
MAX_WAIT = timedelta(seconds=30)

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?")
_ANY_TAG = r'(W/)?"[!#-~]*"'
_TAGS = re.compile(rf"{_ANY_TAG}(\s*,\s*{_ANY_TAG})*")
_EVENT_TAG = re.compile(r'"e(\d{1,15})"', re.ASCII)


def header_schema(pattern: str = "", *examples: str) -> WithJsonSchema:
    """Return the OpenAPI schema of a header that this module parses and that is never null."""
    schema = {"type": "string", "pattern": pattern, "examples": list(examples)}
    return WithJsonSchema({name: value for name, value in schema.items() if value})


@dataclass(frozen=True)
class RequestOptions:
    """The idempotency key, the precondition and the wait of one request."""

    key: str | None
    if_match: tuple[int, ...] | None
    """The order's last event must have one of these numbers; None allows any."""
    wait: timedelta | None
    """How long to wait for the outcome; None responds as soon as the workflow accepts the request."""
    correlation_id: str
    part: str = ""
    """Distinguishes the changes of an API request that runs several changes under one key."""


def single(request: Request, name: str) -> str | None:
    """Return a header that may occur once; None if it is absent. Raise HEADER_INVALID for more."""
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise ProblemError("HEADER_INVALID", [{"field": name}])
    return values[0] if values else None


def idempotency_key(request: Request) -> str | None:
    """Return the Idempotency-Key; the quoted and the unquoted form are the same key."""
    value = single(request, "Idempotency-Key")
    if value is None:
        return None
    bare = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    if not _KEY.fullmatch(bare):
        raise ProblemError("HEADER_INVALID", [{"field": "Idempotency-Key"}])
    return bare


def if_match(request: Request) -> tuple[int, ...] | None:
    """Return the event numbers that If-Match allows; None allows any. Weak and foreign tags match nothing."""
    value = single(request, "If-Match")
    if value is None or value.strip() == "*":
        return None
    if not _TAGS.fullmatch(value.strip()):
        raise ProblemError("HEADER_INVALID", [{"field": "If-Match"}])
    tags = [match[0] for match in re.finditer(_ANY_TAG, value)]
    return tuple(int(match[1]) for tag in tags if (match := _EVENT_TAG.fullmatch(tag)))


def wait(request: Request) -> timedelta | None:
    """Return how long the client waits for the outcome (`Prefer`, RFC 7240): 10 seconds by default, at most 30.

    None stands for `respond-async`.
    """
    chosen: timedelta | None = DEFAULT_WAIT
    for preference in ",".join(request.headers.getlist("Prefer")).split(","):
        match = _WAIT.fullmatch(preference.strip())
        if match:
            chosen = min(timedelta(seconds=int(match[1])), MAX_WAIT) or None
        elif preference.strip() == "respond-async":
            return None
    return chosen


def correlation_id(request: Request) -> str:
    """Return the correlation id that the middleware accepted or generated."""
    return str(request.state.correlation_id)


async def request_options(
    request: Request,
    idempotency_key_: Annotated[
        str | None,
        header_schema("^[!-~]{1,255}$"),
        Header(
            alias="Idempotency-Key",
            description="1 to 255 visible ASCII characters. The same key and body always return the first response.",
        ),
    ] = None,
    if_match_: Annotated[
        str | None,
        header_schema(rf"^([*]|{_ANY_TAG}( *, *{_ANY_TAG})*)$", '"e5"'),
        Header(
            alias="If-Match",
            description="The last ETag the client received. If the order has changed since: 412.",
        ),
    ] = None,
    prefer: Annotated[
        str | None,
        header_schema(),
        Header(
            alias="Prefer", description="wait=N (seconds, at most 30) or respond-async; other preferences are ignored."
        ),
    ] = None,
) -> RequestOptions:
    """Read the options of a request that changes an order."""
    return RequestOptions(
        key=idempotency_key(request),
        if_match=if_match(request),
        wait=wait(request),
        correlation_id=correlation_id(request),
    )


async def with_default_wait(
    request: Request, options: Annotated[RequestOptions, Depends(request_options)]
) -> RequestOptions:
    """Read the options for façades whose clients do not know `Prefer`: without it they wait 30 seconds."""
    return options if "prefer" in request.headers else replace(options, wait=MAX_WAIT)


async def require_idempotency_key(options: Annotated[RequestOptions, Depends(request_options)]) -> RequestOptions:
    """Read the options of a request that needs a key. Raise IDEMPOTENCY_KEY_MISSING."""
    if options.key is None:
        raise ProblemError("IDEMPOTENCY_KEY_MISSING")
    return options
