"""Headers that say how a request is to be handled."""

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
_OURS = re.compile(r'"e(\d{1,15})"', re.ASCII)


def header_schema(pattern: str = "", *examples: str) -> WithJsonSchema:
    """Return how the OpenAPI file shows a header that we read ourselves, and that is never null."""
    shape = {"type": "string", "pattern": pattern, "examples": list(examples)}
    return WithJsonSchema({name: said for name, said in shape.items() if said})


@dataclass(frozen=True)
class RequestOptions:
    """How long to wait for an answer, under which key, against which state."""

    key: str | None
    if_match: tuple[int, ...] | None
    wait: timedelta | None
    """None answers as soon as the request is accepted."""
    correlation_id: str
    part: str = ""
    """Which part, when one request to the API asks several things under one key."""


def single(request: Request, name: str) -> str | None:
    """Return a header that may be sent once; None when it was not."""
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise ProblemError("HEADER_INVALID", [{"field": name}])
    return values[0] if values else None


def idempotency_key(request: Request) -> str | None:
    """Return the Idempotency-Key; the quoted and the bare form of a key are the same key."""
    value = single(request, "Idempotency-Key")
    if value is None:
        return None
    bare = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    if not _KEY.fullmatch(bare):
        raise ProblemError("HEADER_INVALID", [{"field": "Idempotency-Key"}])
    return bare


def if_match(request: Request) -> tuple[int, ...] | None:
    """Return the event numbers If-Match allows; None allows any. A weak or foreign tag matches nothing."""
    value = single(request, "If-Match")
    if value is None or value.strip() == "*":
        return None
    if not _TAGS.fullmatch(value.strip()):
        raise ProblemError("HEADER_INVALID", [{"field": "If-Match"}])
    tags = [found[0] for found in re.finditer(_ANY_TAG, value)]
    return tuple(int(ours[1]) for tag in tags if (ours := _OURS.fullmatch(tag)))


def wait(request: Request) -> timedelta | None:
    """Return how long the client wants to wait (RFC 7240): 10 seconds by default, at most 30."""
    chosen: timedelta | None = DEFAULT_WAIT
    for preference in ",".join(request.headers.getlist("Prefer")).split(","):
        found = _WAIT.fullmatch(preference.strip())
        if found:
            chosen = min(timedelta(seconds=int(found[1])), MAX_WAIT) or None
        elif preference.strip() == "respond-async":
            return None
    return chosen


def correlation_id(request: Request) -> str:
    """Return the correlation id the middleware took or made."""
    return str(request.state.correlation_id)


def request_options(
    request: Request,
    idempotency_key_: Annotated[
        str | None,
        header_schema("^[!-~]{1,255}$"),
        Header(
            alias="Idempotency-Key",
            description="1 to 255 visible ASCII characters. Same key and body: same answer, for ever.",
        ),
    ] = None,
    if_match_: Annotated[
        str | None,
        header_schema(rf"^([*]|{_ANY_TAG}( *, *{_ANY_TAG})*)$", '"e5"'),
        Header(alias="If-Match", description="The ETag you last saw; else 412."),
    ] = None,
    prefer: Annotated[
        str | None,
        header_schema(),
        Header(alias="Prefer", description="wait=N (seconds, at most 30) or respond-async; others are ignored."),
    ] = None,
) -> RequestOptions:
    """Read the headers of a request that asks something of an order."""
    return RequestOptions(
        key=idempotency_key(request),
        if_match=if_match(request),
        wait=wait(request),
        correlation_id=correlation_id(request),
    )


def with_default_wait(request: Request, asked: Annotated[RequestOptions, Depends(request_options)]) -> RequestOptions:
    """Read how a request is to be handled whose clients know no `Prefer`: they wait 30 seconds."""
    return asked if "prefer" in request.headers else replace(asked, wait=MAX_WAIT)


def require_idempotency_key(asked: Annotated[RequestOptions, Depends(request_options)]) -> RequestOptions:
    """Read the headers of a POST: it must carry an Idempotency-Key."""
    if asked.key is None:
        raise ProblemError("IDEMPOTENCY_KEY_MISSING")
    return asked
