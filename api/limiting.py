"""How often somebody may ask: counted in this process, in a window that moves."""

import time
from collections.abc import Mapping

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from api.problems import ProblemError


class Limiter:
    """Counts requests in buckets: so many of each kind a minute, for each name by itself."""

    def __init__(self, per_minute: Mapping[str, int]) -> None:
        self._limits = {kind: RateLimitItemPerMinute(most) for kind, most in per_minute.items()}
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def count(self, kind: str, name: str) -> dict[str, str]:
        """Count a request; return the RateLimit headers of its answer (draft-ietf-httpapi-ratelimit-headers).

        Raises RATE_LIMITED once there were too many.
        """
        limit = self._limits[kind]
        admitted = await self._limiter.hit(limit, kind, name)
        stats = await self._limiter.get_window_stats(limit, kind, name)
        wait = max(int(stats.reset_time - time.time()) + 1, 1)  # noqa: TID251 - the limiter's own clock
        headers = {
            "RateLimit-Policy": f'"{kind}";q={limit.amount};w=60',
            "RateLimit": f'"{kind}";r={stats.remaining};t={wait}',
        }
        if not admitted:
            raise ProblemError("RATE_LIMITED", headers=headers | {"Retry-After": str(wait)})
        return headers


def address_of(request: Request) -> str:
    """Return where a request comes from, as far as is known; behind a proxy all come from there."""
    return request.client.host if request.client else ""
