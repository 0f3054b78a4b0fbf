"""Who is who, when a client sends travellers without ids: a corrected name must not make somebody new."""

from collections.abc import Iterable, Sequence
from datetime import date

from domain.model import Day, Model
from domain.travellers import Traveller


class Stranger(Model):
    """What is known of somebody sent without an id."""

    given_name: str | None
    family_name: str | None
    birth_date: Day | None


def recognise(strangers: Sequence[Stranger], there: Iterable[Traveller], named: set[str]) -> list[str | None]:
    """Return for each stranger the id of the traveller they are, or None for somebody new.

    First those with the same names and birth date; then a birth date that only one traveller and one
    stranger left over have, so that a corrected name keeps its id. Never by position. Travellers
    `named` by id in the same request are somebody else.
    """
    left = {each.id: each for each in there if each.id not in named}
    found: list[str | None] = [_take(left, _alike(stranger, left.values())) for stranger in strangers]
    births = [stranger.birth_date for stranger, known in zip(strangers, found, strict=True) if known is None]
    for place, stranger in enumerate(strangers):
        if found[place] is None and stranger.birth_date and births.count(stranger.birth_date) == 1:
            found[place] = _take(left, _born_on(stranger.birth_date, left.values()))
    return found


def _alike(stranger: Stranger, travellers: Iterable[Traveller]) -> list[Traveller]:
    wanted = (stranger.given_name, stranger.family_name, stranger.birth_date)
    if stranger.given_name is None and stranger.family_name is None:
        return []
    return [each for each in travellers if (each.given_name, each.family_name, each.birth_date) == wanted]


def _born_on(day: date, travellers: Iterable[Traveller]) -> list[Traveller]:
    return [each for each in travellers if each.birth_date == day]


def _take(left: dict[str, Traveller], found: list[Traveller]) -> str | None:
    if len(found) != 1:
        return None
    return left.pop(found[0].id).id
