"""Checks birth dates: not in the future and at most 130 years ago."""

from collections.abc import Iterable
from datetime import date

from api.errors.problems import ProblemError
from domain.ages import age_on

MAX_AGE = 130


def is_possible_birth_date(birth_date: date, today: date) -> bool:
    """Whether a living person can have this birth date."""
    return 0 <= age_on(birth_date, today) <= MAX_AGE


def check_birth_dates(birth_dates: Iterable[date | None], today: date) -> None:
    """Raise MEMBER_INVALID for a birth date in the future or more than 130 years ago."""
    for birth_date in birth_dates:
        if birth_date is not None and not is_possible_birth_date(birth_date, today):
            errors = [{"field": "birth_date", "code": "birth_date", "detail": "must lie within the last 130 years"}]
            raise ProblemError("MEMBER_INVALID", errors)
