"""The time zone a request is meant in. Times without an offset are in it."""

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
    """Return the zone Accept-Timezone names as an IANA name, None without the header. Raises HEADER_INVALID.

    IANA and Windows names in any case (discover.swiss: "TimeZone id or IANA"), and offsets of whole hours.
    """
    given = (single(request, HEADER) or "").strip().lower()
    if not given:
        return None
    found = _KNOWN.get(given) or _WINDOWS.get(given) or _KNOWN.get(_of_offset(given))
    if found is None:
        raise ProblemError("HEADER_INVALID", [{"field": HEADER}])
    return found


def _of_offset(given: str) -> str:
    match = _OFFSET.fullmatch(given)
    # POSIX counts the other way round: Etc/GMT+6 is six hours behind UTC.
    return f"etc/gmt{'-' if match[1] == '+' else '+'}{match[2]}" if match else ""


def instant(moment: datetime, zone: str) -> datetime:
    """Return the instant a time means in a zone, in UTC. Raises MEMBER_INVALID outside the years 1 to 9999."""
    try:
        aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
        found = as_utc(aware)
        day_of(found, zone)
    except (ValueError, OverflowError):
        errors = [{"field": "validFrom", "code": "instant", "detail": "must lie within the years 1 to 9999"}]
        raise ProblemError("MEMBER_INVALID", errors) from None
    return found


def local(moment: datetime, zone: str) -> str:
    """Return an instant with the offset it has in a zone."""
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


def utc(moment: datetime) -> str:
    """Return an instant as this API writes it: "2021-10-22T10:00:00+00:00"."""
    return local(moment, "UTC")
