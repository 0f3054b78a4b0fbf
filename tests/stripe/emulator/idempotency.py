"""Idempotency keys of API v1: https://docs.stripe.com/api/idempotent_requests and …/error-low-level#idempotency."""

from dataclasses import dataclass, field

from tests.stripe.emulator.account import Account
from tests.stripe.emulator.errors import ApiError

LONGEST = 255


@dataclass
class Response:
    """A response; a `cut` one is not sent, the connection is closed instead."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    cut: bool = False


@dataclass
class Remembered:
    """A request under a key, and its response once it is known."""

    path: str
    body: str
    at: int
    request_id: str
    response: Response | None = None


def begin(account: Account, key: str, path: str, body: str, request_id: str) -> Response | None:
    """Return the saved response under a key, or None where the request may run.

    A key used for another endpoint or other parameters is an `idempotency_error`; one in use is a conflict (409).
    """
    if len(key) > LONGEST:
        message = f"Idempotency keys may have at most {LONGEST} characters."
        raise ApiError(400, message, kind="idempotency_error")
    known = account.book.keys.get(key)
    if known is None or account.clock.now - known.at >= account.settings.key_memory:
        account.book.keys[key] = Remembered(path, body, account.clock.now, request_id)
        return None
    other = f" Try using a key other than '{key}' if you meant to execute a different request."
    if known.path != path:
        message = (
            "Keys for idempotent requests can only be used for the same endpoint they were first used for"
            f" ('{path}' vs '{known.path}').{other}"
        )
        raise ApiError(400, message, kind="idempotency_error")
    if known.body != body:
        message = (
            f"Keys for idempotent requests can only be used with the same parameters they were first used with.{other}"
        )
        raise ApiError(400, message, kind="idempotency_error")
    if known.response is None:
        message = (
            "There is currently another in-progress request using this Idempotent Key (that probably means you"
            f" submitted twice, and the other request is still going through): {key}. Please try again later."
        )
        headers = {"Stripe-Should-Retry": "true"}
        kind, code = "idempotency_error", "idempotency_key_in_use"
        raise ApiError(409, message, kind=kind, code=code, headers=headers)
    headers = {"Idempotent-Replayed": "true", "Original-Request": known.request_id}
    return Response(known.response.status, known.response.body, known.response.headers | headers)


def save(account: Account, key: str, request_id: str, response: Response | None) -> None:
    """Save the response under a key, or forget the key where no endpoint began to run."""
    known = account.book.keys.get(key)
    if known is None or known.request_id != request_id:
        return  # a backup was restored meanwhile
    if response is None:
        del account.book.keys[key]
    else:
        known.response = response
