"""How often somebody may ask, and how they are told what is left."""

import time
from collections.abc import Mapping

from fastapi import Request
from limits import RateLimitItemPerMinute
from starlette.types import Scope

from api.errors.problems import ProblemError
from api.rate_limits.counters import Counters


class RateLimiter:
    """Counts requests in buckets: so many of each kind a minute, for each name by itself."""

    def __init__(self, per_minute: Mapping[str, int], buckets: Counters) -> None:
        self._limits = {kind: RateLimitItemPerMinute(most) for kind, most in per_minute.items()}
        self._buckets = buckets

    async def check(self, request: Request, kind: str, name: str) -> None:
        """Count a request, and note for its answer what is left. Raises RATE_LIMITED once there were too many."""
        limit = self._limits[kind]
        admitted, stats = await self._buckets.hit(limit, kind, name)
        wait = max(int(stats.reset_time - time.time()) + 1, 1)  # noqa: TID251 - the limiter's own clock
        told = (f'"{kind}";q={limit.amount};w=60', f'"{kind}";r={stats.remaining};t={wait}')
        request.scope.setdefault("state", {}).setdefault("counted", []).append(told)
        if not admitted:
            raise ProblemError("RATE_LIMITED", headers={"Retry-After": str(wait)})


def limit_headers(scope: Scope) -> Mapping[str, str]:
    """Return the RateLimit headers of an answer (draft-ietf-httpapi-ratelimit-headers): every bucket counted in."""
    counted = scope.get("state", {}).get("counted")
    if not counted:
        return {}
    policies, left = zip(*counted, strict=True)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def address_of(request: Request) -> str:
    """Return where a request comes from, as far as is known; behind a proxy all come from there."""
    return request.client.host if request.client else ""
