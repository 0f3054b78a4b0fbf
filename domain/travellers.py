"""Who travels, and which of their details a product needs."""

from collections.abc import Iterable

from domain.model import Code, Day, Model, Text

FIELDS = ("given_name", "family_name", "birth_date")


class Traveller(Model):
    """A person on an order. The client chooses the id and it never changes."""

    id: Code
    given_name: Text | None = None
    family_name: Text | None = None
    birth_date: Day | None = None

    def completed_by(self, newer: "Traveller") -> "Traveller":
        """Return this traveller with every field the newer one brings."""
        brought = {name: value for name in FIELDS if (value := getattr(newer, name)) is not None}
        return self.model_copy(update=brought)

    def missing(self, fields: Iterable[str]) -> list[str]:
        """Return which of these fields have no value yet."""
        return [name for name in fields if getattr(self, name, None) is None]
