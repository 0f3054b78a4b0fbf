"""What of a stored document tells of people, and what stands in its place once they are erased."""

from collections.abc import Container, Mapping
from typing import Any

from domain.travellers import Traveller

_DETAILS = set(Traveller.model_fields) - {"id"}
# What a caller wrote as free text may name somebody; a payment's token leads to a card.
BLANKS: Mapping[str, Any] = {
    **dict.fromkeys((*_DETAILS, "external_reference", "distribution")),
    "customers": [],
    "token": "erased",
}
"""Members that are blanked, with what is there afterwards; one that says nothing stays as it is."""
PEOPLE = ("traveller", "travellers", "traveller_ids")
"""Members that name travellers by their ids, or hold them."""


class Pseudonyms(dict[str, str]):
    """What stands for each traveller's id on one order: numbers in the order in which they are met."""

    def __init__(self, taken: Container[str]) -> None:
        super().__init__()
        self._taken = taken
        self._last = 0

    def __missing__(self, traveller: str) -> str:
        """Make up an id that no traveller of the order has."""
        self._last += 1
        while f"erased-{self._last}" in self._taken:
            self._last += 1
        return self.setdefault(traveller, f"erased-{self._last}")


def redacted(value: Any, ids: Mapping[str, str]) -> Any:
    """Return a JSON value without anything that tells of people; travellers have the ids that stand for theirs."""
    if isinstance(value, list):
        return [redacted(each, ids) for each in value]
    if isinstance(value, dict):
        return {name: _member(name, each, ids) for name, each in value.items()}
    return value


def _member(name: str, value: Any, ids: Mapping[str, str]) -> Any:
    if name in BLANKS:
        return value and BLANKS[name]
    return _people(value, ids) if name in PEOPLE else redacted(value, ids)


def _people(value: Any, ids: Mapping[str, str]) -> Any:
    match value:
        case str():
            return ids[value]
        case list():
            return [_people(each, ids) for each in value]
        case {"id": traveller}:
            return redacted(value, ids) | {"id": ids[traveller]}
        case _:
            # Which of a line's travellers, by place.
            return value
