"""How old a traveller is on the day that decides the price."""

from datetime import date


def age_on(birth_date: date, day: date) -> int:
    """Return the age in whole years on a day; negative before the birth.

    The first day of validity decides (discover.swiss: "first day of valid period counts"). Who was
    born on 29 February has the birthday on 1 March in a year without one.
    """
    had_birthday = (day.month, day.day) >= (birth_date.month, birth_date.day)
    return day.year - birth_date.year - (not had_birthday)
