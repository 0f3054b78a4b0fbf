"""The policy for webhook URLs: which URLs are accepted, and which addresses their hosts may resolve to."""

import asyncio
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol

import httpx2

from domain.addresses import Address, is_public
from domain.webhooks import Failure

HTTPS = 443
FIRST_FREE_PORT = 1024
"""Below it are mail, remote logins and similar services, which may take an HTTP request for their own commands."""

LAST_PORT = 65_535


class EndpointRefusedError(Exception):
    """An endpoint that the policy does not allow; `failure` is the reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class MalformedUrlError(Exception):
    """A text that is no allowed webhook URL; the error gives the reason and repeats nothing of the URL."""


class Resolver(Protocol):
    """Resolves host names."""

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, the preferred one first. Raises OSError when there are none."""


class SystemResolver:
    """Uses the machine's resolver, which understands the same unusual spellings of addresses as a connection does."""

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True)
class UrlPolicy:
    """Allows endpoints on the internet; private endpoints only with `allow_private`, for development."""

    allow_private: bool = False
    resolver: Resolver = field(default_factory=SystemResolver)

    def parse(self, text: str) -> httpx2.URL:
        """Return a text as an allowed webhook URL. Raises MalformedUrlError."""
        try:
            url = httpx2.URL(text)
        except httpx2.InvalidURL:
            raise MalformedUrlError("is not a URL") from None
        for wrong, reason in (
            (url.scheme != "https" and not (self.allow_private and url.scheme == "http"), "must begin with https://"),
            (not url.host, "must name a host"),
            (bool(url.userinfo), "must not hold a user or password"),
            (bool(url.fragment), "must not have a fragment"),
            (not self._is_port_allowed(url.port), "must have port 443, or one from 1024 to 65535"),
        ):
            if wrong:
                raise MalformedUrlError(reason)
        return url

    def _is_port_allowed(self, port: int | None) -> bool:
        if port is None or port == HTTPS:
            return True
        return (1 if self.allow_private else FIRST_FREE_PORT) <= port <= LAST_PORT

    async def addresses(self, url: httpx2.URL) -> list[Address]:
        """Return the addresses of a URL's host, all of which are allowed. Raises EndpointRefusedError."""
        try:
            found = await self.resolver.addresses(url.raw_host.decode(), url.port or HTTPS)
            # Only link-local addresses have a zone.
            addresses = [ip_address(each.partition("%")[0]) for each in found]
        except (OSError, ValueError):
            raise EndpointRefusedError(Failure.ADDRESS_UNKNOWN) from None
        if not addresses:
            raise EndpointRefusedError(Failure.ADDRESS_UNKNOWN)
        # All must be public: a private address among public ones would be reached at the second attempt.
        if not (self.allow_private or all(is_public(each) for each in addresses)):
            raise EndpointRefusedError(Failure.ADDRESS_REFUSED)
        return addresses
