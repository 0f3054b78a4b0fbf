"""Matches travellers that a client sends without ids, so that a corrected name does not create a new traveller."""

from collections.abc import Iterable, Sequence

from domain.model import Day, Model
from domain.travellers import Traveller


class UnidentifiedTraveller(Model):
    """The details of a traveller sent without an id."""

    given_name: str | None
    family_name: str | None
    birth_date: Day | None


def match_travellers(
    unidentified: Sequence[UnidentifiedTraveller], known_travellers: Iterable[Traveller], named: set[str]
) -> list[str | None]:
    """Return the id of the known traveller for each unidentified one, or None for a new traveller.

    The first match is by names and birth date, the second by birth date with one name corrected or no
    names known, the third by names with another birth date or none. Position never matters, and an
    ambiguous match counts as none. Travellers `named` by id in the same request are never matched.
    """
    candidates = {each.id: each for each in known_travellers if each.id not in named}
    matches: list[str | None] = [None] * len(unidentified)
    for is_match in (_is_identical, _has_corrected_name, _has_corrected_birth_date):
        unmatched = [index for index, match in enumerate(matches) if match is None]
        for index in unmatched:
            possible = [each for each in candidates.values() if is_match(unidentified[index], each)]
            rivals = [other for other in unmatched if any(is_match(unidentified[other], each) for each in possible)]
            if len(possible) == 1 and (rivals == [index] or is_match is _is_identical):
                matches[index] = candidates.pop(possible[0].id).id
    return matches


def _is_identical(unidentified: UnidentifiedTraveller, known: Traveller) -> bool:
    return _names(unidentified) == _names(known) != (None, None) and unidentified.birth_date == known.birth_date


def _has_corrected_name(unidentified: UnidentifiedTraveller, known: Traveller) -> bool:
    if unidentified.birth_date is None or unidentified.birth_date != known.birth_date:
        return False
    sent, stored = _names(unidentified), _names(known)
    return (None, None) in (sent, stored) or any(one and one == other for one, other in zip(sent, stored, strict=True))


def _has_corrected_birth_date(unidentified: UnidentifiedTraveller, known: Traveller) -> bool:
    return _names(unidentified) == _names(known) and None not in _names(known)


def _names(person: UnidentifiedTraveller | Traveller) -> tuple[str | None, str | None]:
    return person.given_name, person.family_name
