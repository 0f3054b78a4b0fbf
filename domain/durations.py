"""Durations written as ISO 8601: exact ones in hours, minutes and seconds, and calendar ones from years to days."""

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

_DATE = r"P(?=\d)(?:(?P<years>\d{1,3})Y)?(?:(?P<months>\d{1,4})M)?(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
_TIME = r"PT(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,6})S)?"
_PATTERN = re.compile(f"{_DATE}|{_TIME}", re.ASCII)


def _parts(text: str) -> dict[str, int]:
    """Return the numbers of a duration by unit; ValueError for other text."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError("must be an ISO 8601 duration such as PT24H, P3D or P1M")
    return {unit: int(number) for unit, number in match.groupdict().items() if number}


def _duration(text: str) -> str:
    _parts(text)
    return text


Duration = Annotated[str, Field(strict=True), AfterValidator(_duration)]
"""An ISO 8601 duration: years, months, weeks and days ("P1M"), or hours, minutes and seconds ("PT24H"), not both."""


def is_empty(duration: str) -> bool:
    """Whether a duration is zero, such as P0D."""
    return not any(_parts(duration).values())


def after(start: datetime, duration: str, time_zone: str) -> datetime:
    """Return the instant, in UTC, at which a duration from an instant ends.

    `PT…` is exact; days and months are those of the calendar in an IANA time zone: the same local time on that day,
    on the last day of the month where the month has no such day. A local time that occurs twice is the first one; one
    that the clocks skip is as much later as they skip. Raises ValueError for other text and for a time without an
    offset, and OverflowError for an end outside the years 1 to 9999.
    """
    if start.tzinfo is None:
        raise ValueError("the start must carry an offset from UTC")
    parts = _parts(duration)
    exact = timedelta(**{unit: parts.pop(unit) for unit in ("hours", "minutes", "seconds") if unit in parts})
    if not any(parts.values()):
        # Arithmetic on a time of another zone would move its local time, whatever its clocks do meanwhile.
        return start.astimezone(UTC) + exact
    local = start.astimezone(ZoneInfo(time_zone))
    day = add_months(local.date(), 12 * parts.get("years", 0) + parts.get("months", 0))
    day += timedelta(weeks=parts.get("weeks", 0), days=parts.get("days", 0))
    return datetime.combine(day, local.time().replace(fold=0), local.tzinfo).astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """Return the same day of a later month, or the month's last day. Raises OverflowError beyond the year 9999."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > date.max.year:
        raise OverflowError("the end lies beyond the year 9999")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
