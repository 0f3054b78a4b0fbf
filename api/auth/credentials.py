"""Reads the credential of a request, an API key or a token, from the Authorization header only."""

import base64
import binascii

from fastapi import Request

from api.errors.problems import ProblemError

_NOT_IN_QUERIES = frozenset({"access_token", "api_key", "apikey", "key", "token"})
"""Proxies between client and API log queries, so a credential there would leak."""


def check_query(request: Request) -> None:
    """Raise CREDENTIAL_IN_QUERY if a query parameter has the name of a credential."""
    if _NOT_IN_QUERIES & {name.lower() for name in request.query_params}:
        raise ProblemError("CREDENTIAL_IN_QUERY")


def credential_of(request: Request) -> str | None:
    """Return the bearer token or API key of a request; a key may also be the password of Basic authentication.

    Raise HEADER_INVALID for two Authorization headers.
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
