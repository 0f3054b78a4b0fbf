"""Declares faults: which fault is armed for which step of which order, in memory or as files in a folder.

The files let one process arm faults in another. `cli/faults/injector.py` makes the armed faults happen.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.02


class Fault(StrEnum):
    """The ways in which a step fails, is repeated or is delayed."""

    KILLED = "killed"
    """kill -9 of the worker before the step does anything."""
    KILLED_AFTER = "killed-after"
    """kill -9 of the worker once the step is done, before its result is recorded."""
    KILLED_INSIDE = "killed-inside"
    """kill -9 of the worker once all steps of a group are done and before their transaction commits."""
    REFUSED = "refused"
    """The step is refused before it does anything."""
    BROKEN = "broken"
    """The step fails permanently before it does anything."""
    LOST = "lost"
    """The step is done, its result is lost once, and it is retried."""
    LOST_FOR_GOOD = "lost-for-good"
    """The step is done, and every result is lost; it is not retried."""
    DOWN = "down"
    """The step fails at every attempt before it does anything."""
    TWICE = "twice"
    """The step runs twice, one run after the other."""
    AT_ONCE = "at-once"
    """The step runs twice at the same time."""
    FLAKY = "flaky"
    """The step fails three times before it does anything, then succeeds."""
    LATE = "late"
    """The step fails permanently, but its call arrives after its undo."""
    HELD = "held"
    """The step waits at every attempt before it does anything."""
    PAUSED = "paused"
    """The step waits once before it does anything."""
    PAUSED_AFTER = "paused-after"
    """The step waits once after it is done."""
    MEDDLED = "meddled"
    """A test damages an external system as the step begins."""


EVERY_TIME = (Fault.LOST_FOR_GOOD, Fault.HELD, Fault.DOWN, Fault.FLAKY)
"""Faults that happen at every attempt; the others happen once."""


@dataclass
class Armed:
    """One armed fault and its state."""

    fault: Fault
    fired: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    meddle: Callable[[], object] = lambda: None
    late: Callable[[], Awaitable[Any]] | None = None
    late_error: BaseException | None = None
    rest: timedelta | None = timedelta(minutes=1)
    """The delay of the next attempt at a step that is down; None: the delay of the retry policy.

    A retry by an operator ends the delay.
    """

    async def wait_until_released(self) -> None:
        """Wait until a paused step is released."""
        await self.go_on.wait()


@dataclass
class _Filed(Armed):
    """A fault armed by a file; a paused step waits as long as the file exists."""

    file: Path = Path()

    async def wait_until_released(self) -> None:
        while self.file.exists():  # noqa: ASYNC110 - another process removes the file
            await asyncio.sleep(POLL_SECONDS)


class Folder:
    """A folder with one file for each armed fault, and one that counts how often it happened."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def arm(self, order: str, step: str, fault: Fault) -> None:
        """Arm a fault, which happens once or until it is disarmed."""
        self._armed(order, step, fault).touch()

    def disarm(self, order: str, step: str, fault: Fault) -> None:
        """Disarm a fault."""
        self._armed(order, step, fault).unlink(missing_ok=True)

    def times_fired(self, order: str, step: str, fault: Fault) -> int:
        """Return how often a fault has happened."""
        counter = self._counter(order, step, fault)
        return counter.stat().st_size if counter.exists() else 0

    def armed_steps(self, order: str) -> set[str]:
        """Return the steps of an order for which a fault is armed."""
        return {file.name.removeprefix(f"{order}.").partition("-")[0] for file in self._path.glob(f"{order}.*.armed")}

    def fire(self, order: str, step: str) -> Armed | None:
        """Return the fault that happens now, if one is armed."""
        fault = next((each for each in Fault if self._fires(order, step, each)), None)
        if fault is None:
            return None
        return _Filed(fault, self.times_fired(order, step, fault), rest=None, file=self._armed(order, step, fault))

    def _fires(self, order: str, step: str, fault: Fault) -> bool:
        """Count a fault if it is armed. One that happens once is disarmed first: only one of two attempts meets it."""
        armed = self._armed(order, step, fault)
        try:
            armed.stat() if fault in (*EVERY_TIME, Fault.PAUSED_AFTER) else armed.unlink()
        except FileNotFoundError:
            return False
        with self._counter(order, step, fault).open("ab") as counter:
            counter.write(b".")
        return True

    def _armed(self, order: str, step: str, fault: Fault) -> Path:
        return self._path / f"{order}.{step}-{fault}.armed"

    def _counter(self, order: str, step: str, fault: Fault) -> Path:
        return self._path / f"{order}.{step}-{fault}.struck"
