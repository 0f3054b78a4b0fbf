"""Where webhooks may be: which URLs are taken, and which addresses their names may have."""

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
"""Below it are mail, logins and the like, which take more than HTTP for a command."""

LAST_PORT = 65_535


class EndpointRefusedError(Exception):
    """An endpoint that is not posted to."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class MalformedUrlError(Exception):
    """A text that is no URL a webhook can have; the text of the error says why, without a word of the URL."""


class Resolver(Protocol):
    """Says which addresses a name has."""

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return them, the one to try first first. Raises OSError when there are none."""


class SystemResolver:
    """Asks the machine's own resolver, which also reads the odd spellings of addresses that connecting would."""

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True)
class UrlPolicy:
    """Tells endpoints on the internet from those inside, which are let through for development only."""

    allow_private: bool = False
    resolver: Resolver = field(default_factory=SystemResolver)

    def parsed(self, text: str) -> httpx2.URL:
        """Return a URL that a webhook can have. Raises MalformedUrlError."""
        try:
            url = httpx2.URL(text)
        except httpx2.InvalidURL:
            raise MalformedUrlError("is not a URL") from None
        for wrong, why in (
            (url.scheme != "https" and not (self.allow_private and url.scheme == "http"), "must begin with https://"),
            (not url.host, "must name a host"),
            (bool(url.userinfo), "must not hold a user or password"),
            (bool(url.fragment), "must not have a fragment"),
            (not self._may_be(url.port), "must have port 443, or one from 1024 to 65535"),
        ):
            if wrong:
                raise MalformedUrlError(why)
        return url

    def _may_be(self, port: int | None) -> bool:
        if port is None or port == HTTPS:
            return True
        return (1 if self.allow_private else FIRST_FREE_PORT) <= port <= LAST_PORT

    async def addresses(self, url: httpx2.URL) -> list[Address]:
        """Return the addresses of a URL's host, every one of which may be posted to. Raises EndpointRefusedError."""
        try:
            found = await self.resolver.addresses(url.raw_host.decode(), url.port or HTTPS)
            # A zone belongs to link-local addresses alone.
            addresses = [ip_address(each.partition("%")[0]) for each in found]
        except (OSError, ValueError):
            raise EndpointRefusedError(Failure.ADDRESS_UNKNOWN) from None
        if not addresses:
            raise EndpointRefusedError(Failure.ADDRESS_UNKNOWN)
        # One private address among public ones would be reached at the second try.
        if not (self.allow_private or all(is_public(each) for each in addresses)):
            raise EndpointRefusedError(Failure.ADDRESS_REFUSED)
        return addresses
