"""The time zone of a request, from the header Accept-Timezone. Times without a UTC offset are in this zone."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Request
from tzlocal.windows_tz import win_tz

from api.errors.problems import ProblemError
from api.http.request_headers import single
from domain.ages import day_of
from domain.model import as_utc

HEADER = "Accept-Timezone"
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])0?(\d{1,2})(?::?00)?", re.ASCII | re.IGNORECASE)
_KNOWN = {name.lower(): name for name in available_timezones()}
_WINDOWS = {name.lower(): zone for name, zone in win_tz.items()}


def zone_of(request: Request) -> str | None:
    """Return the zone of Accept-Timezone as an IANA name, None without the header. Raises HEADER_INVALID.

    Accepts IANA and Windows names in any case (discover.swiss: "TimeZone id or IANA"), and offsets of whole hours.
    """
    text = (single(request, HEADER) or "").strip().lower()
    if not text:
        return None
    zone = _KNOWN.get(text) or _WINDOWS.get(text) or _KNOWN.get(_zone_of_offset(text))
    if zone is None:
        raise ProblemError("HEADER_INVALID", [{"field": HEADER}])
    return zone


def _zone_of_offset(text: str) -> str:
    match = _OFFSET.fullmatch(text)
    # POSIX signs are reversed: Etc/GMT+6 is six hours behind UTC.
    return f"etc/gmt{'-' if match[1] == '+' else '+'}{match[2]}" if match else ""


def to_utc(moment: datetime, zone: str) -> datetime:
    """Return a time of a zone in UTC. Raises MEMBER_INVALID outside the years 1 to 9999."""
    try:
        aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
        converted = as_utc(aware)
        day_of(converted, zone)
    except (ValueError, OverflowError):
        errors = [{"field": "validFrom", "code": "instant", "detail": "must lie within the years 1 to 9999"}]
        raise ProblemError("MEMBER_INVALID", errors) from None
    return converted


def local(moment: datetime, zone: str) -> str:
    """Return a time as ISO 8601 with the UTC offset of a zone."""
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


def utc(moment: datetime) -> str:
    """Return a time in UTC as this API writes it: "2021-10-22T10:00:00+00:00"."""
    return local(moment, "UTC")
