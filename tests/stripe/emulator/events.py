"""Delivers events to an endpoint: https://docs.stripe.com/webhooks. Deliveries happen on demand, once or often."""

import hashlib
import hmac
import http.client
import json
from contextlib import AbstractContextManager, closing
from typing import Any
from urllib.parse import urlsplit

from tests.stripe.emulator.account import Account, Object

TIMEOUT = 30
ACCEPTED = range(200, 300)


def sign(payload: str, secret: str, at: int) -> str:
    """Return the `Stripe-Signature` of a payload: HMAC-SHA256 of the time, a dot and the body."""
    digest = hmac.new(secret.encode(), f"{at}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def deliver(account: Account, how: dict[str, Any], lock: AbstractContextManager[Any]) -> list[dict[str, Any]]:
    """Post events and return what the endpoint answered.

    Without `ids` these are all that no endpoint has accepted yet, the oldest first; an endpoint that does not answer
    2xx gets them again with the next delivery. `times` sends each so often, `reverse` the newest first, `age` signs
    with a time that is so many seconds old, `secret` with another secret; `forged` changes the body after signing.

    The lock is free while the endpoint answers: it may call the API before it does.
    """
    url = how.get("url") or account.settings.webhook_url
    with lock:
        events = [(event, *_prepare(account, event, how)) for event in _choose(account, how)]
    answers = []
    for event, payload, signature in events:
        for _ in range(how.get("times", 1)):
            status = _post(url, payload, signature)
            with lock:
                _note(account, event, status)
            answers.append({"event": event["id"], "type": event["type"], "status": status})
    return answers


def _choose(account: Account, how: dict[str, Any]) -> list[Object]:
    chosen = [account.find("event", each) for each in how.get("ids", [])] or [
        each
        for each in reversed(list(account.all("event")))
        if each["id"] not in account.book.delivered and each["type"] in how.get("types", [each["type"]])
    ]
    return chosen[::-1] if how.get("reverse") else chosen


def _prepare(account: Account, event: Object, how: dict[str, Any]) -> tuple[str, str]:
    payload = json.dumps(event, indent=2)
    at = account.clock.now - how.get("age", 0)
    signature = sign(payload, how.get("secret") or account.settings.webhook_secret, at)
    if how.get("forged"):
        payload = payload.replace('"livemode": false', '"livemode": true')
    return payload, signature


def _note(account: Account, event: Object, status: int) -> None:
    if status in ACCEPTED:
        account.book.delivered.add(event["id"])
        event["pending_webhooks"] = 0


def _post(url: str, payload: str, signature: str) -> int:
    parts = urlsplit(url)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature,
        "User-Agent": "Stripe/1.0",
    }
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)) as connection:
        connection.request("POST", parts.path or "/", payload.encode(), headers)
        return connection.getresponse().status
