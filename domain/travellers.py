"""Travellers and their details."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from domain.model import Code, Day, Model, Text


class Gender(StrEnum):
    """The gender in a traveller's documents."""

    FEMALE = "female"
    MALE = "male"
    DIVERSE = "diverse"


class Salutation(StrEnum):
    """How a traveller is addressed."""

    MR = "mr"
    MRS = "mrs"
    CHILD = "child"
    OTHER = "other"


Country = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{2,3}$")]
"""An ISO 3166 country code of two or three letters."""


class Traveller(Model):
    """A person on an order. The client chooses the id, and it never changes."""

    id: Code
    given_name: Text | None = None
    family_name: Text | None = None
    birth_date: Day | None = None
    salutation: Salutation | None = None
    gender: Gender | None = None
    nationality: Country | None = None
    passport: Text | None = None

    def completed_by(self, newer: "Traveller") -> "Traveller":
        """Return this traveller with every field that the newer one has."""
        return self.model_copy(update=newer.model_dump(exclude={"id"}, exclude_none=True))

    def missing(self, fields: Iterable[str]) -> list[str]:
        """Return those of some fields that have no value."""
        return [name for name in fields if getattr(self, name, None) is None]
