"""The responses of errors and faults: what a client receives instead of an answer."""

import json
from collections.abc import Callable

from tests.stripe.emulator.account import new_id
from tests.stripe.emulator.errors import ApiError, lock_timeout, rate_limited
from tests.stripe.emulator.faults import Fault, Trouble
from tests.stripe.emulator.idempotency import Response

HUGE = 20_000_000
_HTML = "text/html"


def error_response(error: ApiError, request_id: str) -> Response:
    """Return an error as Stripe's JSON."""
    body = {"error": {**error.error, "request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}"}}
    return Response(error.status, json.dumps(body, indent=2).encode(), dict(error.headers))


def before(fault: Fault) -> Response | None:
    """Return what a request meets that is not done; None where it is done, or reaches its endpoint."""
    if fault.trouble is Trouble.RATE_LIMIT:
        return error_response(rate_limited(), new_id("req"))
    if fault.trouble is Trouble.LOCK:
        return error_response(lock_timeout(), new_id("req"))
    return _INSTEAD[fault.trouble]() if fault.trouble in _INSTEAD else None


def after(fault: Fault, response: Response) -> Response:
    """Return what the client receives of a response."""
    if fault.trouble in _INSTEAD:
        return _INSTEAD[fault.trouble]()
    return Response(response.status, _alter(fault, response.body), response.headers)


def _alter(fault: Fault, body: bytes) -> bytes:
    match fault.trouble:
        case Trouble.HALF:
            return body[: len(body) // 2]
        case Trouble.HUGE:
            return b" " * HUGE + body
        case Trouble.ALTERED:
            return json.dumps({**json.loads(body), **fault.members}).encode()
        case _:
            return body


_INSTEAD: dict[Trouble, Callable[[], Response]] = {
    Trouble.CUT: lambda: Response(0, b"", cut=True),
    Trouble.EMPTY: lambda: Response(204, b""),
    Trouble.PAGE: lambda: Response(200, b"<html><body>We will be back soon.</body></html>", content_type=_HTML),
    Trouble.REDIRECT: lambda: Response(302, b"", {"Location": "/v1/elsewhere"}),
    Trouble.UNAVAILABLE: lambda: Response(503, b"<html>503 Service Unavailable</html>", content_type=_HTML),
}
