"""Redaction: which members of stored documents are personal data, and what replaces them after an erasure."""

from collections.abc import Container, Mapping
from typing import Any

from domain.travellers import Traveller

_DETAILS = set(Traveller.model_fields) - {"id"}
# A caller's free text may name people; a payment token leads to a card.
BLANKS: Mapping[str, Any] = {
    **dict.fromkeys((*_DETAILS, "external_reference", "distribution")),
    "customers": [],
    "token": "erased",
}
"""Redacted members with their replacements; an empty value stays as it is."""
PEOPLE = ("traveller", "travellers", "traveller_ids", "seats_to_hold")
"""Members with travellers or their ids."""


class Pseudonyms(dict[str, str]):
    """Pseudonyms of travellers' ids on one order: numbered in the order in which they are first looked up."""

    def __init__(self, taken: Container[str]) -> None:
        super().__init__()
        self._taken = taken
        self._last = 0

    def __missing__(self, traveller: str) -> str:
        """Return a new pseudonym that is no id of a traveller on the order."""
        self._last += 1
        while f"erased-{self._last}" in self._taken:
            self._last += 1
        return self.setdefault(traveller, f"erased-{self._last}")


def redact(value: Any, ids: Mapping[str, str]) -> Any:
    """Return a JSON value without personal data; travellers' ids are replaced by their pseudonyms."""
    if isinstance(value, list):
        return [redact(each, ids) for each in value]
    if isinstance(value, dict):
        return {name: _member(name, each, ids) for name, each in value.items()}
    return value


def redact_request(value: Any, ids: Mapping[str, str]) -> Any:
    """Return a stored request without personal data. Its reason is free text of the client, and may name people."""
    redacted = redact(value, ids)
    return redacted | {"reason": None} if redacted.get("reason") else redacted


def _member(name: str, value: Any, ids: Mapping[str, str]) -> Any:
    if name in BLANKS:
        return value and BLANKS[name]
    return _people(value, ids) if name in PEOPLE else redact(value, ids)


def _people(value: Any, ids: Mapping[str, str]) -> Any:
    match value:
        case str():
            return ids[value]
        case list():
            return [_people(each, ids) for each in value]
        case {"id": traveller}:
            return redact(value, ids) | {"id": ids[traveller]}
        case _:
            # The index of a traveller in a line.
            return value
