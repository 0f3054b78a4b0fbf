"""Travellers whose personal data must appear only in the store and in answers that are about them."""

from datetime import date

GIVEN, FAMILY = "Kanarina", "Gulfugl-Ås"
GIVEN_TOO, FAMILY_TOO = "Fuglvard", "Gulfugl"
BORN, BORN_CHILD = date(1987, 6, 5), date(2019, 8, 7)
ADULT, CHILD, THIRD = "trav-gul-1", "trav-gul-2", "trav-gul-3"

DOCUMENTED = ("Helma", "helma", "Jessika", "jessika", "Lovers", "Smith")
"""Travellers of discover.swiss's documentation, which the tests of its routes use."""

CANARIES = (
    *(GIVEN, FAMILY, GIVEN_TOO, FAMILY_TOO, "Gulfugl", BORN.isoformat(), BORN_CHILD.isoformat(), "trav-gul"),
    *DOCUMENTED,
)


def find_canaries(text: bytes) -> list[str]:
    """Return the canaries found in a text."""
    return [canary for canary in CANARIES if canary.encode() in text or escape_as_json(canary) in text]


def escape_as_json(canary: str) -> bytes:
    """Return a canary with its non-ASCII letters escaped, as JSON has them."""
    return canary.encode("unicode_escape")
