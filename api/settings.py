"""The settings of each part of the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Asymmetric algorithms only: a verification key cannot sign tokens."""


@dataclass(frozen=True)
class TokenSettings:
    """The issuer whose access tokens are accepted, and how they are verified."""

    issuer: str
    audience: str
    keys: str
    """The URL of the issuer's JWKS."""
    algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    max_lifetime: timedelta = timedelta(hours=1)
    """The longest accepted lifetime of a token, from `iat` to `exp`."""


LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class DeskSettings:
    """The host names, besides loopback names, under which the desk is served."""

    hosts: frozenset[str] = frozenset()

    def knows(self, host: str) -> bool:
        """Whether a Host header names this desk.

        Without this check a foreign page could read the desk through a name that resolves to it (DNS rebinding).
        """
        name = host.lower()
        bare = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        return bare in LOOPBACK | self.hosts


@dataclass(frozen=True)
class DiscoverSettings:
    """The base path of the discover.swiss API, and whether validation errors are 400 as in the older original."""

    base_path: str = "/b2bmarket/v1"
    strict: bool = False


@dataclass(frozen=True)
class WatchSettings:
    """The limits of the change streams that one process serves."""

    max_streams: int = 100
    """Open streams of this process."""
    per_client: int = 25
    """Open streams of one authenticated client, so that it leaves capacity to others."""
    life: timedelta = timedelta(minutes=15)
    """How long a stream stays open; then its client resumes it."""
    reauthenticate_every: timedelta = timedelta(seconds=5)
    """How often a stream authenticates its client again."""


NAMED = "named"

UNNAMED = "unnamed"


@dataclass(frozen=True)
class EnturSettings:
    """The path for adding supplements, which no public page documents, and the rate limits of Entur's API."""

    supplement_path: str = "/v1/update-order/supplement-products"
    unnamed_per_minute: int = 10
    """Per IP address, for clients without a well-formed ET-Client-Name."""
    named_per_minute: int = 600
    """Per client name."""

    @property
    def per_minute(self) -> Mapping[str, int]:
        """The allowed requests per minute, by kind of limit."""
        return {NAMED: self.named_per_minute, UNNAMED: self.unnamed_per_minute}
