"""Who is who, when a client sends travellers without ids: a corrected name must not make somebody new."""

from collections.abc import Iterable, Sequence

from domain.model import Day, Model
from domain.travellers import Traveller


class UnidentifiedTraveller(Model):
    """What is known of somebody sent without an id."""

    given_name: str | None
    family_name: str | None
    birth_date: Day | None


def match_travellers(
    strangers: Sequence[UnidentifiedTraveller], there: Iterable[Traveller], named: set[str]
) -> list[str | None]:
    """Return for each stranger the id of the traveller they are, or None for somebody new.

    First those with the same names and birth date; then the same birth date with one name corrected or
    none known; then the same names with another birth date, or none. Never by position, and never when two
    could be meant. Travellers `named` by id in the same request are somebody else.
    """
    left = {each.id: each for each in there if each.id not in named}
    found: list[str | None] = [None] * len(strangers)
    for alike in (_the_same, _renamed, _born_otherwise):
        open_ = [place for place, known in enumerate(found) if known is None]
        for place in open_:
            who = [each for each in left.values() if alike(strangers[place], each)]
            rivals = [other for other in open_ if any(alike(strangers[other], each) for each in who)]
            if len(who) == 1 and (rivals == [place] or alike is _the_same):
                found[place] = left.pop(who[0].id).id
    return found


def _the_same(stranger: UnidentifiedTraveller, known: Traveller) -> bool:
    return _names(stranger) == _names(known) != (None, None) and stranger.birth_date == known.birth_date


def _renamed(stranger: UnidentifiedTraveller, known: Traveller) -> bool:
    if stranger.birth_date is None or stranger.birth_date != known.birth_date:
        return False
    theirs, ours = _names(stranger), _names(known)
    return (None, None) in (theirs, ours) or any(one and one == other for one, other in zip(theirs, ours, strict=True))


def _born_otherwise(stranger: UnidentifiedTraveller, known: Traveller) -> bool:
    return _names(stranger) == _names(known) and None not in _names(known)


def _names(person: UnidentifiedTraveller | Traveller) -> tuple[str | None, str | None]:
    return person.given_name, person.family_name
