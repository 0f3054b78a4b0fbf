"""Posts one signed message to one endpoint: only to an address that the URL policy allows, without redirects."""

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

TIMEOUT = timedelta(seconds=15)
"""The longest that one post may take, from resolving the host to the status of the response."""
HTTP = 80
AGENT = "Changeover-Webhooks"


@dataclass(frozen=True)
class Message:
    """A webhook message: its id, its body and the secrets that sign it."""

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
    """The result of a post; without a failure the endpoint accepted the message."""

    failure: Failure | None = None
    status: int | None = None


class WebhookSender:
    """Posts messages, each over a new connection."""

    def __init__(self, url_policy: UrlPolicy, timeout: timedelta = TIMEOUT) -> None:
        self._url_policy = url_policy
        self._timeout = timeout
        # Kept, because reading the machine's certificates takes longer than a post.
        self._context: ssl.SSLContext | None = None

    async def send(self, url: str, message: Message, now: datetime) -> SendResult:
        """Post a message once and return the result."""
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return _to_result(await self._post(httpx2.URL(url), message, now))
        except EndpointRefusedError as error:
            return SendResult(error.failure)
        except TimeoutError:
            return SendResult(Failure.TIMED_OUT)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return SendResult(_to_failure(error))

    async def _post(self, url: httpx2.URL, message: Message, now: datetime) -> int:
        addresses = await self._url_policy.addresses(url)
        # No proxy from the environment: it could connect to any address. No connection is kept: the pool knows it
        # by its address and would reuse it for another host on that address, without checking that host's certificate.
        limits = httpx2.Limits(max_keepalive_connections=0)
        timeout = self._timeout.total_seconds()
        async with httpx2.AsyncClient(
            verify=self._verify(), trust_env=False, follow_redirects=False, limits=limits, timeout=timeout
        ) as client:
            return await _post_to_first_reachable(client, url, addresses, message, now)

    def _verify(self) -> ssl.SSLContext:
        self._context = self._context or httpx2.create_ssl_context(trust_env=False)
        return self._context


async def _post_to_first_reachable(
    client: httpx2.AsyncClient, url: httpx2.URL, addresses: Sequence[Address], message: Message, now: datetime
) -> int:
    """Post to the first address that accepts a connection; a host may have one that this machine cannot reach."""
    *others, last = addresses
    for address in others:
        try:
            return await _post_to(client, url, address, message, now)
        except httpx2.ConnectError:
            continue
    return await _post_to(client, url, last, message, now)


async def _post_to(
    client: httpx2.AsyncClient, url: httpx2.URL, address: Address, message: Message, now: datetime
) -> int:
    """Post to an address as the URL's host, whose certificate is checked; the body of the response is not read."""
    headers = {
        **message.headers(now),
        "Host": url.netloc.decode(),
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": AGENT,
    }
    address_url = url.copy_with(host=str(address), port=url.port or (HTTPS if url.scheme == "https" else HTTP))
    name = {"sni_hostname": url.raw_host.decode()}
    async with client.stream("POST", address_url, content=message.body, headers=headers, extensions=name) as response:
        return response.status_code


def _to_result(status: int) -> SendResult:
    if httpx2.codes.is_success(status):
        return SendResult(status=status)
    if status == httpx2.codes.GONE:
        return SendResult(Failure.GONE, status)
    return SendResult(Failure.REDIRECTED if httpx2.codes.is_redirect(status) else Failure.BAD_STATUS, status)


def _to_failure(error: Exception) -> Failure:
    """Return the failure of a connection; a TLS error is wrapped several times."""
    if isinstance(error, httpx2.TimeoutException):
        return Failure.TIMED_OUT
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return Failure.TLS_FAILED
        cause = cause.__cause__ or cause.__context__
    return Failure.UNREACHABLE
