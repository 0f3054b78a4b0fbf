"""What a request brings along to say who asks: a key or a token, in one place only."""

import base64
import binascii

from fastapi import Request

from api.errors.problems import ProblemError

_NOT_IN_QUERIES = frozenset({"access_token", "api_key", "apikey", "key", "token"})
"""Queries are logged by whatever stands between a client and us."""


def check_query(request: Request) -> None:
    """Raise CREDENTIAL_IN_QUERY for an address that seems to hold one."""
    if _NOT_IN_QUERIES & {name.lower() for name in request.query_params}:
        raise ProblemError("CREDENTIAL_IN_QUERY")


def credential_of(request: Request) -> str | None:
    """Return the bearer of a request: a token, or a key, which may also be the password of Basic.

    Raises HEADER_INVALID for two at once.
    """
    values = request.headers.getlist("Authorization")
    if len(values) > 1:
        raise ProblemError("HEADER_INVALID", [{"field": "Authorization"}])
    kind, _, value = (values[0] if values else "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip() or None
    return _password(value) if kind.lower() == "basic" else None


def _password(value: str) -> str | None:
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None
