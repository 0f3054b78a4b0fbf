"""Processes that share a Redis count together; without Redis each process counts for itself, without delay."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from limits import RateLimitItemPerMinute
from redis.asyncio import Redis

from api.rate_limits import counters
from api.rate_limits.counters import RedisCounters, RedisMissingError
from runtime.settings import Settings
from telemetry.loopback import HOST, free_port
from tests.support.auth import AuthenticatedWorld, with_authentication
from tests.support.redis import redis
from tests.support.world import World

pytestmark = pytest.mark.only_on("sqlite")  # requests are not counted in the store
PATH = "/v1/orders/26-999999"
LIMIT = 3


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis() as url:
        yield url


@asynccontextmanager
async def counting(world: World, url: str) -> AsyncIterator[AuthenticatedWorld]:
    """Serve an API that counts in a Redis."""
    shared = RedisCounters(url)
    async with with_authentication(world, client_per_minute=LIMIT, counters=shared) as authenticated:
        yield authenticated
    await shared.close()


async def statuses(world: World, times: int) -> list[int]:
    return [(await world.http.get(PATH)).status_code for _ in range(times)]


async def test_two_processes_count_together(world: World, redis_url: str) -> None:
    async with counting(world, redis_url) as one, counting(world, redis_url) as other:
        client = one.client()
        assert await statuses(one.with_bearer(client.key.text), 2) == [404, 404]
        last = await other.with_bearer(client.key.text).http.get(PATH)
        assert last.headers["RateLimit"].startswith('"client";r=0;t=')
        refused = await one.with_bearer(client.key.text).http.get(PATH)
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert 1 <= int(refused.headers["Retry-After"]) <= 61


async def test_a_counter_is_one_number_however_many_requests_it_has_counted(redis_url: str) -> None:
    shared, limit = RedisCounters(redis_url), RateLimitItemPerMinute(50)
    for _ in range(50):
        await shared.hit(limit, "client", "numbered")
    storage = Redis.from_url(redis_url)
    assert [await storage.get(key) async for key in storage.scan_iter("*numbered*")] == [b"50"]
    await storage.aclose()
    await shared.close()


async def test_without_redis_each_process_counts_for_itself_and_logs_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with counting(world, f"redis://{HOST}:{free_port()}") as authenticated:
        assert await statuses(authenticated.client().world, LIMIT + 1) == [404] * LIMIT + [429]
    assert sum("Redis unavailable" in record.message for record in caplog.records) == 1


async def test_a_redis_that_never_answers_is_waited_for_once_and_not_for_long(world: World) -> None:
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), HOST, 0)
    port = server.sockets[0].getsockname()[1]
    async with counting(world, f"redis://{HOST}:{port}") as authenticated:
        client, began = authenticated.client().world, time.monotonic()
        assert await statuses(client, LIMIT + 1) == [404] * LIMIT + [429]
        assert time.monotonic() - began < 2 * counters.TIMEOUT_SECONDS + 1
    assert len(writers) == 1
    for writer in writers:
        writer.close()
    server.close()


async def test_a_redis_that_is_back_counts_again(world: World, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "RETRY_AFTER_SECONDS", 0.0)
    async with counting(world, redis_url) as authenticated:
        client = authenticated.client()
        shared: RedisCounters = authenticated.world.http._transport.app.state.context.counters  # type: ignore[attr-defined] # noqa: SLF001 - the application under test
        working, shared._shared = shared._shared, RedisCounters(f"redis://{HOST}:{free_port()}")._shared  # noqa: SLF001 - cut off
        assert await statuses(client.world, 1) == [404]
        shared._shared = working  # noqa: SLF001 - and back
        answer = await client.world.http.get(PATH)
        assert answer.headers["RateLimit"].startswith(f'"client";r={LIMIT - 1};')


def test_without_its_client_the_process_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(RedisMissingError, match="pip install redis"):
        RedisCounters("redis://127.0.0.1")


@pytest.mark.parametrize("wrong", ["127.0.0.1:6379", "memcached://127.0.0.1", "http://redis"])
def test_a_setting_that_names_no_redis_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="redis://"):
        Settings(rate_limit_redis=wrong)
