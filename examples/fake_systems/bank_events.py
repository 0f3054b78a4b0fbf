"""The events of the fake bank: it signs the raw body with a secret that it shares with the merchant."""

import hashlib
import hmac
import json
import uuid
from datetime import datetime, timedelta
from typing import NamedTuple

from store.database.store import utc_now

SECRET = "bank-event-secret"  # noqa: S105 - of the fake bank only


class Delivery(NamedTuple):
    """One delivery: what is posted to the merchant."""

    headers: dict[str, str]
    body: bytes


def event_body(
    kind: str, key: str, minor: int = 100, currency: str = "NOK", *, merchant: str = "default", **more: str
) -> bytes:
    """Return the body of a new event about a key of the merchant's."""
    about = {"merchant": merchant, "kind": kind, "key": key, "minor": minor, "currency": currency}
    return json.dumps({"id": f"event-{uuid.uuid4()}", **about, **more}, indent=1).encode()


def deliver(body: bytes, secret: str = SECRET, age: timedelta = timedelta()) -> Delivery:
    """Return a delivery of an event that is signed now, or was some time ago."""
    at: datetime = utc_now() - age
    seconds = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Delivery({"bank-signature": f"{seconds}.{digest}", "content-type": "application/json"}, body)
