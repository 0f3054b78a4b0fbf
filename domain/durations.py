"""Durations written as ISO 8601: exact ones in hours and minutes, and calendar ones in years, months, weeks and days."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import StringConstraints

_DATE = r"P(?=\d)(?:(?P<years>\d{1,3})Y)?(?:(?P<months>\d{1,4})M)?(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
_TIME = r"PT(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?"
_PATTERN = re.compile(f"{_DATE}|{_TIME}", re.ASCII)

Duration = Annotated[
    str,
    StringConstraints(
        strict=True,
        pattern=r"^P(\d{1,3}Y)?(\d{1,4}M)?(\d{1,4}W)?(\d{1,5}D)?$|^PT(\d{1,6}H)?(\d{1,6}M)?$",
        min_length=3,
    ),
]
"""An ISO 8601 duration: either years, months, weeks and days ("P1M"), or hours and minutes ("PT24H")."""


def after(start: datetime, duration: str, time_zone: str) -> datetime:
    """Return the instant, in UTC, at which a duration from an instant ends.

    `PT…` is exact; days and months are those of the calendar in an IANA time zone: the same local time on that day,
    on the last day of the month where the month has no such day. Raises ValueError for other text, and OverflowError
    for an end beyond the year 9999.
    """
    match = _PATTERN.fullmatch(duration)
    if match is None:
        raise ValueError("must be an ISO 8601 duration such as PT24H, P3D or P1M")
    parts = {name: int(value) for name, value in match.groupdict().items() if value}
    if "hours" in parts or "minutes" in parts:
        return start + timedelta(hours=parts.get("hours", 0), minutes=parts.get("minutes", 0))
    local = start.astimezone(ZoneInfo(time_zone))
    moved = _add_months(local, 12 * parts.get("years", 0) + parts.get("months", 0))
    moved += timedelta(weeks=parts.get("weeks", 0), days=parts.get("days", 0))
    return moved.astimezone(UTC)


def _add_months(local: datetime, months: int) -> datetime:
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    if year > datetime.max.year:
        raise OverflowError("the end lies beyond the year 9999")
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day)
