"""What time it is elsewhere: offers and drafts end by the clocks of several machines."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cli.doctor.findings import Finding, bad, ok

TOLERATED = timedelta(seconds=2)
"""Answers say whole seconds."""


@dataclass(frozen=True)
class Heard:
    """An instant told elsewhere, and between which of ours it was told."""

    there: datetime
    asked: datetime
    answered: datetime


def clock(where: str, heard: Heard) -> Finding:
    """Compare the clocks; how long an answer took is nobody's error."""
    ahead, behind = heard.there - heard.answered, heard.asked - heard.there
    if max(ahead, behind) <= TOLERATED:
        return ok(f"clock of {where}: as here")
    said = "ahead of" if ahead > behind else "behind"
    seconds = f"{max(ahead, behind).total_seconds():,.0f} s"
    return bad(f"clock of {where}: {seconds} {said} ours", "`timedatectl set-ntp true` on both machines")
