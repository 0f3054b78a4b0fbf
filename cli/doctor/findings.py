"""The findings of `doctor`: what was checked, the verdict, and how to fix it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The result of one check."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing fails because of it."""
    BAD = "bad"
    """Something fails until it is fixed."""


@dataclass(frozen=True)
class Finding:
    """One checked thing and its verdict."""

    what: str
    verdict: Verdict = Verdict.OK
    fix: str = ""
    """How to fix it; a command where there is one."""


def ok(what: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(what)


def note(what: str, fix: str) -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(what, Verdict.NOTE, fix)


def bad(what: str, fix: str) -> Finding:
    """Return a finding that must be fixed."""
    return Finding(what, Verdict.BAD, fix)
