"""What shall go wrong with which step of which order: said within a process, or by files in a folder from another."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

LOOK_SECONDS = 0.02


class Fault(StrEnum):
    """How a step goes wrong."""

    KILLED = "killed"
    """kill -9 of the worker before the step does anything."""
    KILLED_AFTER = "killed-after"
    """kill -9 of the worker once the step is done and nobody has heard of it."""
    REFUSED = "refused"
    """It is refused before it does anything."""
    BROKEN = "broken"
    """It breaks for good before it does anything."""
    LOST = "lost"
    """It is done, its answer is lost, and it is retried."""
    LOST_FOR_GOOD = "lost-for-good"
    """It is done, and every answer is lost."""
    DOWN = "down"
    """It fails at every attempt, having done nothing."""
    TWICE = "twice"
    """It runs twice."""
    AT_ONCE = "at-once"
    """It runs twice at once."""
    FLAKY = "flaky"
    """It fails three times, having done nothing."""
    LATE = "late"
    """It breaks for good, and lands after its undo."""
    HELD = "held"
    """It waits at every attempt, having done nothing yet."""
    PAUSED = "paused"
    """It waits, having done nothing yet."""
    PAUSED_AFTER = "paused-after"
    """It waits, having done it."""
    MEDDLED = "meddled"
    """Somebody breaks something outside as it begins."""


EVERY_TIME = (Fault.LOST_FOR_GOOD, Fault.HELD, Fault.DOWN, Fault.FLAKY)
"""These strike at every attempt, the others once."""


@dataclass
class Armed:
    """One fault, and what became of it."""

    fault: Fault
    fired: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    meddle: Callable[[], None] = lambda: None
    late: Callable[[], Awaitable[Any]] | None = None
    late_error: BaseException | None = None
    rest: timedelta | None = timedelta(minutes=1)
    """How long what is down waits for its next attempt, unless somebody asks; None: as long as any step does."""

    async def may_go_on(self) -> None:
        """Wait until what is paused is let go."""
        await self.go_on.wait()


@dataclass
class _Filed(Armed):
    """A fault that a file arms: it is paused as long as that is there."""

    file: Path = Path()

    async def may_go_on(self) -> None:
        while self.file.exists():  # noqa: ASYNC110 - another process lets it go
            await asyncio.sleep(LOOK_SECONDS)


class Folder:
    """The files that say what shall strike, and how often it has."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def arm(self, order: str, step: str, fault: Fault) -> None:
        """Let it strike: once, or until it is mended."""
        self._armed(order, step, fault).touch()

    def mend(self, order: str, step: str, fault: Fault) -> None:
        """Let it strike no more."""
        self._armed(order, step, fault).unlink(missing_ok=True)

    def struck(self, order: str, step: str, fault: Fault) -> int:
        """Return how often it has struck."""
        counted = self._counted(order, step, fault)
        return counted.stat().st_size if counted.exists() else 0

    def fire(self, order: str, step: str) -> Armed | None:
        """Return what strikes now, if anything is armed."""
        fault = next((each for each in Fault if self._strikes(order, step, each)), None)
        if fault is None:
            return None
        return _Filed(fault, self.struck(order, step, fault), rest=None, file=self._armed(order, step, fault))

    def _strikes(self, order: str, step: str, fault: Fault) -> bool:
        """Strike if armed. What strikes once is disarmed before it does, so that two attempts are not both struck."""
        armed = self._armed(order, step, fault)
        try:
            armed.stat() if fault in (*EVERY_TIME, Fault.PAUSED_AFTER) else armed.unlink()
        except FileNotFoundError:
            return False
        with self._counted(order, step, fault).open("ab") as counted:
            counted.write(b".")
        return True

    def _armed(self, order: str, step: str, fault: Fault) -> Path:
        return self._path / f"{order}.{step}-{fault}.armed"

    def _counted(self, order: str, step: str, fault: Fault) -> Path:
        return self._path / f"{order}.{step}-{fault}.struck"
