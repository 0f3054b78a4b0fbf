"""Counters of the rate limits: in this process, or in a Redis that all processes share."""

import asyncio
import logging
import time
from typing import Any, Protocol

from limits import RateLimitItem, WindowStats
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.25
"""Timeout of one Redis call; every request waits for it."""
RETRY_AFTER_SECONDS = 5.0
"""How long Redis is not called again after it did not answer."""
MISSING = (
    "CHANGEOVER_RATE_LIMIT_REDIS names a Redis, but its client is not installed."
    " Install the extra `redis`: pip install redis"
)

Counted = tuple[bool, WindowStats]


class RedisMissingError(Exception):
    """A Redis is configured, but its client is not installed; the text names the extra to install."""


class Counters(Protocol):
    """Counts requests per kind and name in windows of one minute, which begin with the first request."""

    async def hit(self, limit: RateLimitItem, kind: str, name: str) -> Counted:
        """Count a request; return whether the limit allows it, and the state of its window."""

    async def close(self) -> None:
        """Close every connection."""


class LocalCounters:
    """Counts in this process."""

    def __init__(self) -> None:
        self._windows = _Windows(MemoryStorage())

    async def hit(self, limit: RateLimitItem, kind: str, name: str) -> Counted:
        """Count a request; return whether the limit allows it, and the state of its window."""
        return await self._windows.hit(limit, kind, name)

    async def close(self) -> None:
        """Close nothing: there is no connection."""


class RedisCounters:
    """Counts in Redis; while Redis is down each process counts for itself, so requests stay limited."""

    def __init__(self, url: str) -> None:
        """Connect to a URL (`redis://`, `rediss://`). Raise RedisMissingError if the client is not installed."""
        try:
            from redis.asyncio import ConnectionPool  # noqa: PLC0415 - only the extra `redis` has it
        except ImportError:
            raise RedisMissingError(MISSING) from None
        self._pool = ConnectionPool.from_url(url)
        options: dict[str, Any] = {"connection_pool": self._pool, "wrap_exceptions": True, "key_prefix": "changeover"}
        self._shared = _Windows(RedisStorage(f"async+{url}", implementation="redispy", **options))
        self._local = LocalCounters()
        self._retry_at = 0.0

    async def hit(self, limit: RateLimitItem, kind: str, name: str) -> Counted:
        """Count a request; return whether the limit allows it, and the state of its window."""
        if time.monotonic() >= self._retry_at:
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    return await self._shared.hit(limit, kind, name)
            except (StorageError, TimeoutError) as error:
                self._retry_at = time.monotonic() + RETRY_AFTER_SECONDS
                log.warning("Redis unavailable, using local rate limits: %s", type(error).__name__)
        return await self._local.hit(limit, kind, name)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.disconnect()


class _Windows:
    def __init__(self, storage: MemoryStorage | RedisStorage) -> None:
        self._windows = FixedWindowRateLimiter(storage)

    async def hit(self, limit: RateLimitItem, kind: str, name: str) -> Counted:
        admitted = await self._windows.hit(limit, kind, name)
        return admitted, await self._windows.get_window_stats(limit, kind, name)
