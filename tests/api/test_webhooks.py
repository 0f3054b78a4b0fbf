"""Webhook subscriptions over HTTP: refused URLs, secrets, tests and deliveries."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from providers.url_policy import UrlPolicy
from store.webhooks import webhooks
from tests.support.auth import with_authentication
from tests.support.fake_dns import FakeDns
from tests.support.webhook_receiver import receiving
from tests.support.webhook_subscriptions import subscribed
from tests.support.world import World

URL = "https://shop.example/orders?shop=77"
NAMES = {
    "shop.example": [["8.8.8.8", "2606:4700::1111"]],
    "inside.example": [["10.0.0.7"]],
    "both.example": [["8.8.8.8", "127.0.0.1"]],
    "metadata.example": [["169.254.169.254"]],
    "2130706433": [["127.0.0.1"]],
    "0x7f.1": [["127.0.0.1"]],
    "127.1": [["127.0.0.1"]],
    "127.0.0.1": [["127.0.0.1"]],
    "::1": [["::1"]],
    "::ffff:10.0.0.1": [["::ffff:10.0.0.1"]],
}


@pytest.fixture
async def strict(world: World) -> AsyncIterator[World]:
    """An API that allows webhooks only on public addresses, with a fake DNS."""
    async with world.with_api(url_policy=UrlPolicy(resolver=FakeDns(NAMES))) as api:
        yield api
        for each in (await api.send("GET", "/v1/webhooks")).body["webhooks"]:
            await api.send("DELETE", f"/v1/webhooks/{each['id']}")


REFUSED = {
    "MEMBER_INVALID": [
        "http://shop.example/",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "shop.example",
        "https:///orders",
        "https://user:Gulfugl@shop.example/",
        "https://shop.example:22/",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://shop.example/#top",
        "https://shop.example/a b",
        "https://shop.example/\n",
        "",
        f"https://shop.example/{'x' * 2000}",
    ],
    "ADDRESS_UNKNOWN": [
        "https://nowhere.example/",
    ],
    "ADDRESS_REFUSED": [
        "https://inside.example/Gulfugl",
        "https://both.example/",
        "https://metadata.example/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://127.0.0.1:8443/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
    ],
}


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("code", REFUSED)
async def test_a_url_that_is_not_on_the_internet_is_refused_at_save_and_not_echoed(strict: World, code: str) -> None:
    kept = (await strict.post("/v1/webhooks", {"url": URL})).body["id"]
    before = (await strict.send("GET", "/v1/webhooks")).body
    for url in REFUSED[code]:
        for answer in (
            await strict.post("/v1/webhooks", {"url": url}),
            await strict.send("PATCH", f"/v1/webhooks/{kept}", {"url": url}),
        ):
            assert (answer.status, answer.code) == (422, code), url
            assert "Gulfugl" not in str(answer.body)
    assert (await strict.send("GET", "/v1/webhooks")).body == before


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("url", [URL, "https://shop.example:8443/", "https://shop.example:443/"])
async def test_a_url_on_the_internet_is_taken(strict: World, url: str) -> None:
    assert (await strict.post("/v1/webhooks", {"url": url})).status == 201


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("private", ["127.0.0.1", "2130706433"])
async def test_the_machines_own_resolver_reads_odd_spellings_of_private_addresses(world: World, private: str) -> None:
    async with world.with_api(url_policy=UrlPolicy()) as strict:
        answer = await strict.post("/v1/webhooks", {"url": f"https://{private}/"})
        assert answer.code == "ADDRESS_REFUSED"


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": 7},
        {"url": URL, "types": []},
        {"url": URL, "types": ["order_eaten"]},
        {"url": URL, "secret": "whsec_bWluZQ=="},
        {"url": URL, "enabled": False},
    ],
    ids=str,
)
async def test_a_subscription_that_says_too_little_or_too_much(strict: World, body: dict[str, object]) -> None:
    answer = await strict.post("/v1/webhooks", body)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("body", [{}, {"url": None}, {"enabled": None}, {"enabled": "yes"}, {"secret": "x"}], ids=str)
async def test_a_change_that_says_too_little_or_too_much(strict: World, body: dict[str, object]) -> None:
    kept = (await strict.post("/v1/webhooks", {"url": URL})).body["id"]
    answer = await strict.send("PATCH", f"/v1/webhooks/{kept}", body)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


async def test_the_secret_is_returned_under_the_key_that_created_it_and_nowhere_else(strict: World) -> None:
    first = await strict.post("/v1/webhooks", {"url": URL}, key="wh-1")
    again = await strict.post("/v1/webhooks", {"url": URL}, key="wh-1")
    path = f"/v1/webhooks/{first.body['id']}"
    assert (first.status, first.headers["Location"]) == (201, path)
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (201, first.body, "true")
    assert (await strict.post("/v1/webhooks", {"url": f"{URL}8"}, key="wh-1")).code == "IDEMPOTENCY_MISMATCH"
    assert (await strict.send("POST", "/v1/webhooks", {"url": URL})).code == "IDEMPOTENCY_KEY_MISSING"
    shown = await strict.send("GET", path)
    assert "secret" not in shown.body
    assert first.body["secret"].startswith("whsec_")
    assert first.body["secret"] not in (await strict.http.get("/v1/webhooks")).text
    rotated = await strict.post(f"{path}/rotate-secret", None, key="wh-2")
    assert rotated.body["secret"] not in (None, first.body["secret"])
    assert (await strict.post(f"{path}/rotate-secret", None, key="wh-2")).body == rotated.body
    assert (await strict.post("/v1/webhooks", {"url": URL}, key="wh-1")).body["secret"] is None


async def test_concurrent_subscriptions_under_one_key_create_one_webhook(strict: World) -> None:
    answers = await asyncio.gather(*(strict.post("/v1/webhooks", {"url": URL}, key="twice") for _ in range(4)))
    assert [each.status for each in answers] == [201] * 4
    assert [each.body for each in answers] == [answers[0].body] * 4
    assert len((await strict.send("GET", "/v1/webhooks")).body["webhooks"]) == 1


async def test_for_a_day_posts_are_signed_with_the_previous_secret_too(world: World) -> None:
    async with subscribed(world, "draft_expired") as webhook:
        rotated = (await world.post(f"{webhook.path}/rotate-secret", None)).body
        assert rotated["previous_secret_until"]
        assert (await world.post(f"{webhook.path}/test", None)).body["delivered"]
        assert webhook.verified() == [webhook.receiver.posts[0].json]
        with world.clock_at(world.components.store.now() + webhooks.PREVIOUS_SECRET_LIFETIME + timedelta(seconds=1)):
            await world.post(f"{webhook.path}/test", None)
            assert (await webhook.show())["previous_secret_until"] is None
        counts = [len(post.headers["webhook-signature"].split()) for post in webhook.receiver.posts]
        assert counts == [2, 1]


async def test_a_test_posts_a_ping_and_returns_its_result(world: World) -> None:
    async with subscribed(world) as webhook:
        answer = await world.post(f"{webhook.path}/test", None)
        assert answer.body == {"delivered": True, "status": 204, "failure": None}
        assert [event["type"] for event in webhook.verified()] == ["ping"]
        webhook.receiver.default_status = 404
        answer = await world.post(f"{webhook.path}/test", None)
        assert answer.body == {"delivered": False, "status": 404, "failure": "BAD_STATUS"}
        assert (await webhook.show())["failing_since"] is None


async def test_deliveries_that_fail_are_listed_first(world: World) -> None:
    async with subscribed(world) as webhook:
        webhook.receiver.statuses.append(500)
        failing = await world.order()
        await webhook.wait_until_failed(failing)
        taken = await world.order()
        await webhook.wait_until_delivered(taken)
        listed = (await world.send("GET", f"{webhook.path}/deliveries")).body["deliveries"]
        assert [(each["order"], each["webhook_id"], each["attempts"]) for each in listed] == [
            (failing, f"evt_{failing}_1", 1),
            (taken, f"evt_{taken}_1", 0),
        ]
        assert (listed[0]["last_failure"], listed[0]["last_status"]) == ("BAD_STATUS", 500)
        assert (await webhook.show())["pending"] == 1


async def test_a_new_url_receives_the_events_that_the_old_one_did_not_take(world: World) -> None:
    with receiving() as new:
        async with subscribed(world) as webhook:
            webhook.receiver.default_status = 500
            order = await world.order()
            await webhook.wait_until_retry_in_minutes(order)
            assert (await webhook.patch(url=new.url))["url"] == new.url
            await webhook.wait_until_delivered(order)
            assert new.numbers(order) == [1]


async def test_a_webhook_disabled_by_request_gets_no_further_deliveries(world: World) -> None:
    async with subscribed(world) as webhook:
        assert (await webhook.patch(enabled=False))["disabled_reason"] == "BY_REQUEST"
        await world.order()
        assert (await world.send("GET", f"{webhook.path}/deliveries")).body["deliveries"] == []


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("id_", ["nope", "%00", "a b", "00000000-0000-0000-0000-000000000000"])
async def test_an_unknown_webhook_is_404_everywhere(world: World, id_: str) -> None:
    path = f"/v1/webhooks/{id_}"
    for answer in (
        await world.send("GET", path),
        await world.send("PATCH", path, {"enabled": True}),
        await world.send("DELETE", path),
        await world.post(f"{path}/rotate-secret", None),
        await world.post(f"{path}/test", None),
        await world.send("GET", f"{path}/deliveries"),
    ):
        assert (answer.status, answer.code) == (404, "WEBHOOK_NOT_FOUND")


async def test_another_tenants_webhook_is_as_unknown_as_none(world: World) -> None:
    async with subscribed(world) as webhook, world.with_api(tenant="another") as other:
        assert (await other.send("GET", webhook.path)).code == "WEBHOOK_NOT_FOUND"
        assert (await other.send("DELETE", webhook.path)).code == "WEBHOOK_NOT_FOUND"
        assert (await other.send("GET", "/v1/webhooks")).body == {"webhooks": []}


@pytest.mark.only_on("sqlite")
async def test_there_are_not_more_than_fifty(strict: World) -> None:
    taken = [(await strict.post("/v1/webhooks", {"url": URL})).status for _ in range(50)]
    assert set(taken) == {201}
    answer = await strict.post("/v1/webhooks", {"url": URL})
    assert (answer.status, answer.code) == (409, "TOO_MANY_WEBHOOKS")


async def test_changes_of_webhooks_are_in_the_audit_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with with_authentication(world) as authenticated:
        client = authenticated.client()
        webhook = (await client.world.post("/v1/webhooks", {"url": "http://127.0.0.1:9/"})).body
        path = f"/v1/webhooks/{webhook['id']}"
        await client.world.send("PATCH", path, {"enabled": False})
        await client.world.post(f"{path}/rotate-secret", {})
        await client.world.send("DELETE", path)
    records = [each.__dict__ for each in caplog.records if each.name == "telemetry.audit_log"]
    assert [each["action"] for each in records] == ["subscribe", "change webhook", "rotate secret", "unsubscribe"]
    assert {(each["actor"], each["webhook"]) for each in records} == {(client.name, webhook["id"])}
