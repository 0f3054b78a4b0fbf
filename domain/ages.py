"""A traveller's age, and the day on which it decides the price."""

from datetime import date, datetime
from zoneinfo import ZoneInfo


def age_on(birth_date: date, day: date) -> int:
    """Return the age in whole years on a day; negative before the birth.

    The first day of validity decides (discover.swiss: "first day of valid period counts"). A traveller
    born on 29 February has the birthday on 1 March in other years.
    """
    had_birthday = (day.month, day.day) >= (birth_date.month, birth_date.day)
    return day.year - birth_date.year - (not had_birthday)


def day_of(moment: datetime, time_zone: str) -> date:
    """Return the day of an instant in an IANA time zone: the first day of validity of what is valid from then.

    Raises ValueError when that day lies outside the years 1 to 9999.
    """
    try:
        return moment.astimezone(ZoneInfo(time_zone)).date()
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999") from None
