"""Travellers from their spelling here to ours, each with an identifier."""

import uuid
from collections.abc import Iterable, Sequence

from api.discover.messages import ValidationMessage, refusing
from api.discover.requests import TravelerIn
from domain.traveller_matching import UnidentifiedTraveller, match_travellers
from domain.travellers import Gender, Salutation, Traveller

_GENDERS = {each.value: each for each in Gender}
_SALUTATIONS = {each.value: each for each in Salutation}


def identified(sent: Sequence[TravelerIn], there: Iterable[Traveller]) -> tuple[Traveller, ...]:
    """Return travellers under their identifier: their own, that of whom we recognise, or a new one."""
    named = {each.identifier for each in sent if each.identifier}
    nameless = [each for each in sent if not each.identifier]
    found = iter(match_travellers([_stranger(each) for each in nameless], there, named))
    return tuple(_traveller(each, each.identifier or next(found) or str(uuid.uuid4())) for each in sent)


def anonymous(count: int) -> tuple[Traveller, ...]:
    """Return travellers of whom nothing is known yet but their number."""
    return tuple(Traveller(id=str(uuid.uuid4())) for _ in range(count))


def gender_messages(sent: Iterable[TravelerIn], item: str | None) -> list[ValidationMessage]:
    """Return a message for each gender there is not."""
    wrong = [each for each in sent if each.gender and each.gender.lower() not in _GENDERS]
    return [refusing("person_gender_incorrect", item, each.identifier) for each in wrong]


def _stranger(sent: TravelerIn) -> UnidentifiedTraveller:
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
