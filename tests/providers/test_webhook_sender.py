"""One post goes to the address that was checked, ends within its timeout and follows no redirect."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from api.services.webhook_subscriptions import new_secret
from domain.webhooks import Failure
from providers.url_policy import UrlPolicy
from providers.webhook_sender import Message, SendResult, WebhookSender
from telemetry.loopback import HOST, free_port
from tests.support.fake_dns import FakeDns
from tests.support.webhook_receiver import Receiver, receiving

SECRET = new_secret()
MESSAGE = Message("evt_26-100001_1", '{"type":"ping"}', (SECRET,))


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the verification reads the real clock


def port_of(receiver: Receiver) -> str:
    return receiver.url.rpartition(":")[2].partition("/")[0]


async def test_a_post_goes_to_the_address_that_was_checked_with_the_host_of_the_url() -> None:
    """A name is resolved once, so an answer that differs the next time (DNS rebinding) has no effect."""
    names = FakeDns({"shop.example": [[HOST], ["203.0.113.9"]]})
    with receiving() as receiver:
        url = f"http://shop.example:{port_of(receiver)}/orders?shop=77"
        result = await WebhookSender(UrlPolicy(allow_private=True, resolver=names)).send(url, MESSAGE, now())
        (post,) = receiver.posts
    assert (result, names.lookups) == (SendResult(status=204), ["shop.example"])
    assert (post.path, post.headers["host"]) == ("/orders?shop=77", f"shop.example:{port_of(receiver)}")
    assert post.headers["content-type"] == "application/json"
    assert Webhook(SECRET).verify(post.body, dict(post.headers)) == {"type": "ping"}


@pytest.mark.parametrize("addresses", [[HOST], ["8.8.8.8", HOST], ["::ffff:127.0.0.1"], ["fe80::1%eth0"]], ids=str)
async def test_a_name_that_has_a_private_address_by_now_is_not_posted_to(addresses: list[str]) -> None:
    names = FakeDns({"shop.example": [["8.8.8.8"], addresses]})
    url_policy = UrlPolicy(resolver=names)
    with receiving() as receiver:
        url = f"https://shop.example:{port_of(receiver)}/"
        assert await url_policy.addresses(url_policy.parse(url))
        assert await WebhookSender(url_policy).send(url, MESSAGE, now()) == SendResult(Failure.ADDRESS_REFUSED)
        assert receiver.posts == []


async def test_a_name_without_an_address_fails_as_unknown() -> None:
    result = await WebhookSender(UrlPolicy(resolver=FakeDns({}))).send("https://shop.example/", MESSAGE, now())
    assert result == SendResult(Failure.ADDRESS_UNKNOWN)


@pytest.mark.parametrize(
    ("status", "failure"), [(200, None), (202, None), (301, Failure.REDIRECTED), (308, Failure.REDIRECTED)]
)
@pytest.mark.parametrize("leads_to", ["http://169.254.169.254/latest", "/elsewhere"])
async def test_2xx_is_success_and_a_redirect_is_not_followed(
    status: int, failure: Failure | None, leads_to: str
) -> None:
    with receiving() as receiver:
        receiver.default_status, receiver.location = status, leads_to
        result = await WebhookSender(UrlPolicy(allow_private=True)).send(receiver.url, MESSAGE, now())
        assert result == SendResult(failure, status)
        assert len(receiver.posts) == 1


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_any_other_status_is_a_failure(status: int) -> None:
    with receiving() as receiver:
        receiver.default_status = status
        result = await WebhookSender(UrlPolicy(allow_private=True)).send(receiver.url, MESSAGE, now())
    assert result == SendResult(Failure.BAD_STATUS, status)


async def test_an_endpoint_that_is_slow_is_given_up() -> None:
    with receiving() as receiver:
        receiver.open.clear()
        sender = WebhookSender(UrlPolicy(allow_private=True), timedelta(milliseconds=200))
        assert await sender.send(receiver.url, MESSAGE, now()) == SendResult(Failure.TIMED_OUT)


async def test_an_endpoint_that_sends_without_end_is_not_listened_to() -> None:
    with receiving() as receiver:
        receiver.endless = threading.Event()
        result = await WebhookSender(UrlPolicy(allow_private=True)).send(receiver.url, MESSAGE, now())
        assert result == SendResult(status=204)
        assert receiver.endless.wait(10), "the connection was not closed"


async def test_an_unreachable_endpoint_and_a_tls_failure_are_different_failures() -> None:
    sender = WebhookSender(UrlPolicy(allow_private=True))
    assert await sender.send(f"https://{HOST}:{free_port()}/", MESSAGE, now()) == SendResult(Failure.UNREACHABLE)
    with receiving() as receiver:
        result = await sender.send(receiver.url.replace("http:", "https:"), MESSAGE, now())
    assert result == SendResult(Failure.TLS_FAILED)


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{HOST}:{free_port()}")
    with receiving() as receiver:
        result = await WebhookSender(UrlPolicy(allow_private=True)).send(receiver.url, MESSAGE, now())
    assert result == SendResult(status=204)


async def test_a_message_has_a_signature_of_each_secret_while_secrets_change() -> None:
    previous = new_secret()
    message = Message(MESSAGE.id, MESSAGE.body, (SECRET, previous))
    with receiving() as receiver:
        await WebhookSender(UrlPolicy(allow_private=True)).send(receiver.url, message, now())
        (post,) = receiver.posts
    for secret in (SECRET, previous):
        assert Webhook(secret).verify(post.body, dict(post.headers))
