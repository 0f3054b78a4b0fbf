"""Compares clocks: offers and drafts expire by the clocks of several machines."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cli.doctor.findings import Finding, bad, ok

TOLERATED = timedelta(seconds=2)
"""Two seconds: responses hold whole seconds only."""


@dataclass(frozen=True)
class RemoteTime:
    """The time on another machine, and our times just before and after it was read (all UTC)."""

    remote: datetime
    sent_at: datetime
    received_at: datetime


def compare_clock(name: str, read: RemoteTime) -> Finding:
    """Compare another machine's clock with ours; the duration of the request counts as no difference."""
    ahead, behind = read.remote - read.received_at, read.sent_at - read.remote
    if max(ahead, behind) <= TOLERATED:
        return ok(f"clock of {name}: same as here")
    direction = "ahead of" if ahead > behind else "behind"
    seconds = f"{max(ahead, behind).total_seconds():,.0f} s"
    return bad(f"clock of {name}: {seconds} {direction} ours", "`timedatectl set-ntp true` on both machines")
