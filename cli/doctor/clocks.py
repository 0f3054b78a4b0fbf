"""What time it is elsewhere: offers and drafts end by the clocks of several machines."""

from datetime import datetime, timedelta

from cli.doctor.findings import Finding, bad, ok

TOLERATED = timedelta(seconds=2)
"""Answers say whole seconds, and take a moment to come."""


def clock(where: str, times: tuple[datetime, datetime]) -> Finding:
    """Compare an instant elsewhere with ours when it came."""
    there, here = times
    apart = abs(there - here)
    if apart <= TOLERATED:
        return ok(f"clock of {where}: as here")
    said = "ahead" if there > here else "behind"
    seconds = f"{apart.total_seconds():,.0f} s"
    return bad(f"clock of {where}: {seconds} {said} of ours", "`timedatectl set-ntp true` on both machines")
