"""Limits how often a client or address may send requests, and reports the rest in RateLimit headers."""

import time
from collections.abc import Mapping

from fastapi import Request
from limits import RateLimitItemPerMinute
from starlette.types import Scope

from api.errors.problems import ProblemError
from api.rate_limits.counters import Counters


class RateLimiter:
    """Limits requests per minute, by kind of limit and by the name of a client or address."""

    def __init__(self, per_minute: Mapping[str, int], counters: Counters) -> None:
        self._limits = {kind: RateLimitItemPerMinute(amount) for kind, amount in per_minute.items()}
        self._counters = counters

    async def check(self, request: Request, kind: str, name: str) -> None:
        """Count a request and store the state of its limit for the response. Raise RATE_LIMITED beyond the limit."""
        limit = self._limits[kind]
        admitted, stats = await self._counters.hit(limit, kind, name)
        wait = max(int(stats.reset_time - time.time()) + 1, 1)  # noqa: TID251 - the limiter's own clock
        headers = (f'"{kind}";q={limit.amount};w=60', f'"{kind}";r={stats.remaining};t={wait}')
        request.scope.setdefault("state", {}).setdefault("counted", []).append(headers)
        if not admitted:
            raise ProblemError("RATE_LIMITED", headers={"Retry-After": str(wait)})


def limit_headers(scope: Scope) -> Mapping[str, str]:
    """Return the RateLimit headers (draft-ietf-httpapi-ratelimit-headers) for every limit that counted the request."""
    counted = scope.get("state", {}).get("counted")
    if not counted:
        return {}
    policies, rest = zip(*counted, strict=True)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(rest)}


def address_of(request: Request) -> str:
    """Return the IP address of a request's sender; behind a proxy that is the proxy's address."""
    return request.client.host if request.client else ""
