"""Measures how long something takes, in whole milliseconds or in seconds."""

import time


class Stopwatch:
    """Runs from its making until it is stopped."""

    def __init__(self) -> None:
        self._began = time.monotonic_ns()
        self._took: int | None = None

    def stop(self) -> None:
        """Stop; the time that it shows stays."""
        self._took = time.monotonic_ns() - self._began

    @property
    def milliseconds(self) -> int:
        """The time so far, or until it was stopped."""
        return self._nanoseconds // 1_000_000

    @property
    def seconds(self) -> float:
        """The same time in seconds."""
        return self._nanoseconds / 1_000_000_000

    @property
    def _nanoseconds(self) -> int:
        return time.monotonic_ns() - self._began if self._took is None else self._took
