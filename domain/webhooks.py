"""Webhooks: what is posted to them, when it is tried again, and when that ends."""

import json
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    *[timedelta(days=1)] * 4,
)
"""Between attempts at one event: about five days, then its webhook is disabled."""
MAX_BODY = 20_000
"""Bytes that are posted at most."""
PING = "ping"
_JITTER = 20  # per cent, half of it in each direction


class Failure(StrEnum):
    """Why an event was not taken."""

    BAD_STATUS = "BAD_STATUS"
    """By a status that is not 2xx."""
    REDIRECTED = "REDIRECTED"
    """Redirects are not followed."""
    GONE = "GONE"
    """By 410: it will never be taken."""
    TIMED_OUT = "TIMED_OUT"
    UNREACHABLE = "UNREACHABLE"
    TLS_FAILED = "TLS_FAILED"
    ADDRESS_UNKNOWN = "ADDRESS_UNKNOWN"
    """The name has no address."""
    ADDRESS_REFUSED = "ADDRESS_REFUSED"
    """The name has an address that is not public."""


class DisabledReason(StrEnum):
    """Why a webhook is disabled."""

    GONE = "GONE"
    GAVE_UP = "GAVE_UP"
    BY_REQUEST = "BY_REQUEST"


def message_id(order: str, number: int) -> str:
    """Return an event's `webhook-id`: the same at every attempt, for every webhook."""
    return f"evt_{order}_{number}"


def pause_after(attempts: int, spread: str) -> timedelta | None:
    """Return how long to wait after so many failed attempts, or None to give up.

    What failed together is not tried again together: `spread` decides, the same way each time.
    """
    if attempts > len(PAUSES):
        return None
    percent = 100 - _JITTER // 2 + zlib.crc32(f"{spread}/{attempts}".encode()) % (_JITTER + 1)
    return PAUSES[attempts - 1] * percent / 100


def body_of(kind: str, at: datetime, order: str, number: int, change: str | None, data: Mapping[str, Any]) -> str:
    """Return what is posted: the event as in the order's history, without an operator's own words.

    Of a body that would be too large the event's data is left in the history, and `cut` says so.
    """
    ours = {"order": order, "number": number, "change": change}
    told = {name: value for name, value in data.items() if name != "reason"}
    whole = _written(kind, at, {**told, **ours})
    return whole if len(whole.encode()) < MAX_BODY else _written(kind, at, {**ours, "cut": True})


def ping_body(at: datetime) -> str:
    """Return what a test posts."""
    return _written(PING, at, {})


def _written(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data}, separators=(",", ":"))
