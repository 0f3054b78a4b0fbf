"""What an installation sets about each part of the API."""

from collections.abc import Mapping
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


LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class DeskSettings:
    """By which names, beside loopback ones, the desk may be called."""

    hosts: frozenset[str] = frozenset()

    def knows(self, host: str) -> bool:
        """Whether a Host header names this desk: a page elsewhere whose name leads here must not read it."""
        name = host.lower()
        bare = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        return bare in LOOPBACK | self.hosts


@dataclass(frozen=True)
class DiscoverSettings:
    """Where it is served, and whether validation errors are answered 400 as the older original did."""

    base_path: str = "/b2bmarket/v1"
    strict: bool = False


@dataclass(frozen=True)
class WatchSettings:
    """How many streams this process keeps open at once, and how long one lives before its client resumes it."""

    most: int = 100
    per_client: int = 25
    """Of one client that is known, so that it leaves places to others."""
    life: timedelta = timedelta(minutes=15)
    admitted_for: timedelta = timedelta(seconds=5)
    """How long a stream goes on before its client is looked at again."""


NAMED = "named"

UNNAMED = "unnamed"


@dataclass(frozen=True)
class EnturSettings:
    """Where supplements are added, which no public page says, and how many requests a minute are taken."""

    supplement_path: str = "/v1/update-order/supplement-products"
    unnamed_per_minute: int = 10
    """Per address, for clients without a well-formed ET-Client-Name."""
    named_per_minute: int = 600
    """Per client name."""

    @property
    def per_minute(self) -> Mapping[str, int]:
        """How many requests of each kind a minute are taken."""
        return {NAMED: self.named_per_minute, UNNAMED: self.unnamed_per_minute}
