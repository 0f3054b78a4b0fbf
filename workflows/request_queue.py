"""One queue per order: everything asked of it takes its turn."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum

from temporalio import workflow

LONGEST_WAIT = timedelta(seconds=10)
# Temporal admits ten updates in flight; operators need some of them.
MOST_WAITING = 6


class Turn(Enum):
    """How waiting for a turn ended."""

    COME = "come"
    TOO_LONG = "too long"
    STUCK = "stuck"


class Turns:
    """First come, first served. A step that is stuck keeps its turn and turns everybody else away."""

    def __init__(self, stuck: Callable[[], bool], changed: Callable[[], None]) -> None:
        self._queue: deque[object] = deque()
        self._stuck = stuck
        self._changed = changed

    @property
    def quiet(self) -> bool:
        """Whether nobody has the turn and nobody waits for it."""
        return not self._queue

    @property
    def waiting(self) -> int:
        """How many wait behind the one whose turn it is."""
        return max(len(self._queue) - 1, 0)

    @contextmanager
    def ticket(self) -> Iterator[object]:
        """Stand in the queue until the block ends."""
        mine = object()
        self._queue.append(mine)
        try:
            yield mine
        finally:
            self._queue.remove(mine)
        self._changed()

    async def come(self, mine: object) -> Turn:
        """Wait for the turn of a ticket, at most ten seconds, not at all behind a stuck step."""
        if self._queue[0] is mine:
            return Turn.COME
        try:
            await workflow.wait_condition(
                lambda: self._queue[0] is mine or self._stuck(),
                timeout=LONGEST_WAIT,
                timeout_summary="longest wait for a turn",
            )
        except TimeoutError:
            return Turn.TOO_LONG
        return Turn.COME if self._queue[0] is mine else Turn.STUCK

    async def come_at_last(self, mine: object) -> None:
        """Wait for the turn of a ticket however long it takes: for expiry and cancel."""
        await workflow.wait_condition(lambda: self._queue[0] is mine)
