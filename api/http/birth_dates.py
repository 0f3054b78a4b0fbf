"""Birth dates people can have: not in the future, not more than 130 years ago."""

from collections.abc import Iterable
from datetime import date

from api.errors.problems import ProblemError
from domain.ages import age_on

OLDEST = 130


def possible(birth: date, today: date) -> bool:
    """Whether somebody alive can be born on that day."""
    return 0 <= age_on(birth, today) <= OLDEST


def check_births(births: Iterable[date | None], today: date) -> None:
    """Raise a problem when somebody is not born yet, or older than anybody."""
    for birth in births:
        if birth is not None and not possible(birth, today):
            errors = [{"field": "birth_date", "code": "birth_date", "detail": "must lie within the last 130 years"}]
            raise ProblemError("MEMBER_INVALID", errors)
