"""Posts one message to one endpoint: signed, to an address that was looked at, and no further."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx2
from standardwebhooks import Webhook

from domain.addresses import Address
from domain.webhooks import Failure
from providers.url_policy import HTTPS, EndpointRefusedError, UrlPolicy

PATIENCE = timedelta(seconds=15)
"""How long one post may take, from the name's address to the status of the answer."""
HTTP = 80
AGENT = "Changeover-Webhooks"


@dataclass(frozen=True)
class Message:
    """What is posted."""

    id: str
    body: str
    secrets: tuple[str, ...]

    def headers(self, now: datetime) -> dict[str, str]:
        """Return the headers of Standard Webhooks: one signature for each secret."""
        signatures = [Webhook(secret).sign(self.id, now, self.body) for secret in self.secrets]
        return {
            "webhook-id": self.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


@dataclass(frozen=True)
class SendResult:
    """How a post went: no failure means that it was taken."""

    failure: Failure | None = None
    status: int | None = None


class WebhookSender:
    """Posts messages, each on a connection of its own."""

    def __init__(self, endpoints: UrlPolicy, patience: timedelta = PATIENCE) -> None:
        self._endpoints = endpoints
        self._patience = patience
        # Reading the machine's certificates takes longer than posting.
        self._context: ssl.SSLContext | None = None

    async def send(self, url: str, message: Message, now: datetime) -> SendResult:
        """Post a message once, and say how it went."""
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                return _read(await self._status(httpx2.URL(url), message, now))
        except EndpointRefusedError as error:
            return SendResult(error.failure)
        except TimeoutError:
            return SendResult(Failure.TIMED_OUT)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return SendResult(_said(error))

    async def _status(self, url: httpx2.URL, message: Message, now: datetime) -> int:
        addresses = await self._endpoints.addresses(url)
        # No proxy of the environment, which would connect wherever it likes; no connection is kept, for it would
        # be known by its address and serve another host's certificate.
        limits = httpx2.Limits(max_keepalive_connections=0)
        patience = self._patience.total_seconds()
        async with httpx2.AsyncClient(
            verify=self._verify(), trust_env=False, follow_redirects=False, limits=limits, timeout=patience
        ) as client:
            return await _first_that_answers(client, url, addresses, message, now)

    def _verify(self) -> ssl.SSLContext:
        self._context = self._context or httpx2.create_ssl_context(trust_env=False)
        return self._context


async def _first_that_answers(
    client: httpx2.AsyncClient, url: httpx2.URL, addresses: Sequence[Address], message: Message, now: datetime
) -> int:
    """Post to the first address that can be connected to; a name may have one that this machine cannot reach."""
    *others, last = addresses
    for address in others:
        try:
            return await _to(client, url, address, message, now)
        except httpx2.ConnectError:
            continue
    return await _to(client, url, last, message, now)


async def _to(client: httpx2.AsyncClient, url: httpx2.URL, address: Address, message: Message, now: datetime) -> int:
    """Post to an address as the URL's host, whose certificate must be there. Nothing of the answer's body is read."""
    headers = {
        **message.headers(now),
        "Host": url.netloc.decode(),
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": AGENT,
    }
    there = url.copy_with(host=str(address), port=url.port or (HTTPS if url.scheme == "https" else HTTP))
    name = {"sni_hostname": url.raw_host.decode()}
    async with client.stream("POST", there, content=message.body, headers=headers, extensions=name) as answer:
        return answer.status_code


def _read(status: int) -> SendResult:
    if httpx2.codes.is_success(status):
        return SendResult(status=status)
    if status == httpx2.codes.GONE:
        return SendResult(Failure.GONE, status)
    return SendResult(Failure.REDIRECTED if httpx2.codes.is_redirect(status) else Failure.BAD_STATUS, status)


def _said(error: Exception) -> Failure:
    """Return what went wrong with a connection; the error of TLS is wrapped several times."""
    if isinstance(error, httpx2.TimeoutException):
        return Failure.TIMED_OUT
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return Failure.TLS_FAILED
        cause = cause.__cause__ or cause.__context__
    return Failure.UNREACHABLE
