"""How long the book of an external provider may be read."""

import time
from datetime import timedelta


class BookTooLongError(Exception):
    """A provider's book is too long to be read in the time given."""


class Deadline:
    """The end of some time from now on, on a clock that no change of the system's moves; None: there is no end."""

    def __init__(self, within: timedelta | None = None) -> None:
        self._ends = None if within is None else time.monotonic() + within.total_seconds()

    def check(self) -> None:
        """Raise BookTooLongError once the time is over."""
        if self._ends is not None and time.monotonic() > self._ends:
            raise BookTooLongError
