"""One queue per order: everything asked of it takes its turn."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum

from temporalio import workflow

MAX_WAIT = timedelta(seconds=10)
# Temporal admits ten updates in flight; operators need some of them.
MAX_WAITING = 6


class Admission(Enum):
    """How waiting for a turn ended."""

    GRANTED = "come"
    TIMED_OUT = "too long"
    BLOCKED = "stuck"


class RequestQueue:
    """First come, first served. A step that is stuck keeps its turn and turns everybody else away."""

    def __init__(self, stuck: Callable[[], bool], changed: Callable[[], None]) -> None:
        self._queue: deque[object] = deque()
        self._stuck = stuck
        self._changed = changed

    @property
    def idle(self) -> bool:
        """Whether nobody has the turn and nobody waits for it."""
        return not self._queue

    @property
    def waiting(self) -> int:
        """How many wait behind the one whose turn it is."""
        return max(len(self._queue) - 1, 0)

    @contextmanager
    def enqueue(self) -> Iterator[object]:
        """Stand in the queue until the block ends."""
        mine = object()
        self._queue.append(mine)
        try:
            yield mine
        finally:
            self._queue.remove(mine)
        self._changed()

    async def acquire(self, mine: object) -> Admission:
        """Wait for the turn of a ticket, at most ten seconds, not at all behind a stuck step."""
        if self._queue[0] is mine:
            return Admission.GRANTED
        try:
            await workflow.wait_condition(
                lambda: self._queue[0] is mine or self._stuck(),
                timeout=MAX_WAIT,
                timeout_summary="longest wait for a turn",
            )
        except TimeoutError:
            return Admission.TIMED_OUT
        return Admission.GRANTED if self._queue[0] is mine else Admission.BLOCKED

    async def acquire_without_timeout(self, mine: object) -> None:
        """Wait for the turn of a ticket however long it takes: for expiry and cancel."""
        await workflow.wait_condition(lambda: self._queue[0] is mine)
