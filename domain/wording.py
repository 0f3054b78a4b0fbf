"""Small words for texts that people read: counts and lists."""

from collections.abc import Sequence


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list that ends in "and"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
