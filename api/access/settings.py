"""Whose tokens are taken."""

from dataclasses import dataclass
from datetime import timedelta

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Public keys only: whoever knows one cannot sign with it."""


@dataclass(frozen=True)
class TokenSettings:
    """Whose tokens are taken."""

    issuer: str
    audience: str
    keys: str
    """Where the issuer's JWKS is."""
    algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    longest: timedelta = timedelta(hours=1)
    """How long a token may be good for in all."""
