"""Translates travellers from discover.swiss's format to ours, each with an identifier."""

import uuid
from collections.abc import Iterable, Sequence

from api.discover.messages import ValidationMessage, refusal_message
from api.discover.requests import TravelerIn
from domain.traveller_matching import UnidentifiedTraveller, match_travellers
from domain.travellers import Gender, Salutation, Traveller

_GENDERS = {each.value: each for each in Gender}
_SALUTATIONS = {each.value: each for each in Salutation}


def identify_travellers(sent: Sequence[TravelerIn], existing: Iterable[Traveller]) -> tuple[Traveller, ...]:
    """Return the travellers sent, each with its own identifier, that of the matching existing one, or a new one."""
    named = {each.identifier for each in sent if each.identifier}
    unidentified = [each for each in sent if not each.identifier]
    matches = iter(match_travellers([_unidentified_traveller(each) for each in unidentified], existing, named))
    return tuple(_traveller(each, each.identifier or next(matches) or str(uuid.uuid4())) for each in sent)


def anonymous_travellers(count: int) -> tuple[Traveller, ...]:
    """Return a number of travellers without any details, each with a new identifier."""
    return tuple(Traveller(id=str(uuid.uuid4())) for _ in range(count))


def gender_messages(sent: Iterable[TravelerIn], item: str | None) -> list[ValidationMessage]:
    """Return a message for each unknown gender."""
    invalid = [each for each in sent if each.gender and each.gender.lower() not in _GENDERS]
    return [refusal_message("person_gender_incorrect", item, each.identifier) for each in invalid]


def _unidentified_traveller(sent: TravelerIn) -> UnidentifiedTraveller:
    return UnidentifiedTraveller(given_name=sent.given_name, family_name=sent.family_name, birth_date=sent.birth_date)


def _traveller(sent: TravelerIn, identifier: str) -> Traveller:
    return Traveller(
        id=identifier,
        given_name=sent.given_name,
        family_name=sent.family_name,
        birth_date=sent.birth_date,
        salutation=_salutation(sent.salutation),
        gender=_GENDERS.get((sent.gender or "").lower()),
        nationality=sent.nationality,
        passport=sent.passport,
    )


def _salutation(sent: str | None) -> Salutation | None:
    """Return the salutation as discover.swiss normalises it: Mr, Mrs, Child or Other."""
    return _SALUTATIONS.get(sent.lower().removesuffix("."), Salutation.OTHER) if sent else None
