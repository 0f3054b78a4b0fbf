"""Where requests are counted: in this process, or in a Redis that all processes share."""

import asyncio
import logging
import time
from typing import Any, Protocol

from limits import RateLimitItem, WindowStats
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.25
"""Every request waits for it."""
REST_SECONDS = 5.0
"""How long a Redis that does not answer is not asked again."""
MISSING = (
    "CHANGEOVER_RATE_LIMIT_REDIS names a Redis, but its client is not installed."
    " Install the extra `redis`: pip install redis"
)

Counted = tuple[bool, WindowStats]


class RedisMissingError(Exception):
    """Requests are to be counted in Redis and cannot be; the text says what to install."""


class Counters(Protocol):
    """Counts within a minute that begins with the first request: one number for each name, however many ask."""

    async def hit(self, limit: RateLimitItem, kind: str, name: str) -> Counted:
        """Count a request; return whether there was room for it, and what is left."""

    async def close(self) -> None:
        """Close every connection."""


class LocalCounters:
    """Counts in this process."""

    def __init__(self) -> None:
        self._windows = _Windows(MemoryStorage())

    async def hit(self, limit: RateLimitItem, kind: str, name: str) -> Counted:
        """Count a request; return whether there was room for it, and what is left."""
        return await self._windows.hit(limit, kind, name)

    async def close(self) -> None:
        """Close nothing: there is no connection."""


class RedisCounters:
    """Counts in Redis; while that does not answer, in this process: nobody is kept out, nor unlimited."""

    def __init__(self, url: str) -> None:
        """Take where Redis is (`redis://`, `rediss://`). Raises RedisMissingError without its client."""
        try:
            from redis.asyncio import ConnectionPool  # noqa: PLC0415 - only the extra `redis` has it
        except ImportError:
            raise RedisMissingError(MISSING) from None
        self._pool = ConnectionPool.from_url(url)
        options: dict[str, Any] = {"connection_pool": self._pool, "wrap_exceptions": True, "key_prefix": "changeover"}
        self._shared = _Windows(RedisStorage(f"async+{url}", implementation="redispy", **options))
        self._own = LocalCounters()
        self._rests_until = 0.0

    async def hit(self, limit: RateLimitItem, kind: str, name: str) -> Counted:
        """Count a request; return whether there was room for it, and what is left."""
        if time.monotonic() >= self._rests_until:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await self._shared.hit(limit, kind, name)
            except (StorageError, TimeoutError) as error:
                self._rests_until = time.monotonic() + REST_SECONDS
                log.warning("Redis does not count; this process does by itself: %s", type(error).__name__)
        return await self._own.hit(limit, kind, name)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.disconnect()


class _Windows:
    def __init__(self, storage: MemoryStorage | RedisStorage) -> None:
        self._windows = FixedWindowRateLimiter(storage)

    async def hit(self, limit: RateLimitItem, kind: str, name: str) -> Counted:
        admitted = await self._windows.hit(limit, kind, name)
        return admitted, await self._windows.get_window_stats(limit, kind, name)
