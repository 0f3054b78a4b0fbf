"""What a doctor says: one thing looked at, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it is."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing fails because of it."""
    BAD = "bad"
    """Something fails until it is mended."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    verdict: Verdict = Verdict.OK
    mend: str = ""
    """What to do about it; a command where there is one."""


def ok(what: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(what)


def note(what: str, mend: str) -> Finding:
    """Return something worth knowing."""
    return Finding(what, Verdict.NOTE, mend)


def bad(what: str, mend: str) -> Finding:
    """Return something that must be mended."""
    return Finding(what, Verdict.BAD, mend)
