"""Webhook rules: request bodies, pauses between attempts, and when attempts end."""

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
"""Pauses between attempts at one event: about five days in all, then the webhook is disabled."""
MAX_BODY = 20_000
"""The maximum size of a posted body in bytes."""
PING = "ping"
_JITTER = 20  # per cent, half of it in each direction


class Failure(StrEnum):
    """Why a delivery failed."""

    BAD_STATUS = "BAD_STATUS"
    """The receiver responded with a status other than 2xx."""
    REDIRECTED = "REDIRECTED"
    """The receiver redirected; redirects are not followed."""
    GONE = "GONE"
    """The receiver responded with 410: it accepts no more events."""
    TIMED_OUT = "TIMED_OUT"
    UNREACHABLE = "UNREACHABLE"
    TLS_FAILED = "TLS_FAILED"
    ADDRESS_UNKNOWN = "ADDRESS_UNKNOWN"
    """The host name has no address."""
    ADDRESS_REFUSED = "ADDRESS_REFUSED"
    """The host name has an address that is not public."""


class DisabledReason(StrEnum):
    """Why a webhook is disabled."""

    GONE = "GONE"
    GAVE_UP = "GAVE_UP"
    BY_REQUEST = "BY_REQUEST"


def message_id(order: str, number: int) -> str:
    """Return an event's `webhook-id`, the same for every attempt and every webhook."""
    return f"evt_{order}_{number}"


def pause_after(attempts: int, spread: str) -> timedelta | None:
    """Return the pause after a number of failed attempts, or None to give up.

    `spread` adds a deterministic jitter, so that deliveries that failed together are not retried together.
    """
    if attempts > len(PAUSES):
        return None
    percent = 100 - _JITTER // 2 + zlib.crc32(f"{spread}/{attempts}".encode()) % (_JITTER + 1)
    return PAUSES[attempts - 1] * percent / 100


def body_of(kind: str, at: datetime, order: str, number: int, change: str | None, data: Mapping[str, Any]) -> str:
    """Return the body to post: the event as in the order's history, without an operator's reason.

    A body that would be larger than MAX_BODY leaves out the event's data and has `cut` set to true.
    """
    ids = {"order": order, "number": number, "change": change}
    payload = {name: value for name, value in data.items() if name != "reason"}
    whole = _dump(kind, at, {**payload, **ids})
    return whole if len(whole.encode()) < MAX_BODY else _dump(kind, at, {**ids, "cut": True})


def ping_body(at: datetime) -> str:
    """Return the body of a test delivery."""
    return _dump(PING, at, {})


def _dump(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data}, separators=(",", ":"))
