"""The queue of one order: its requests run one after the other."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum

from temporalio import workflow

MAX_WAIT = timedelta(seconds=10)
# Temporal admits ten updates in flight per workflow; operators need some of them.
MAX_WAITING = 6


class Admission(Enum):
    """How waiting in the queue ended."""

    GRANTED = "granted"
    TIMED_OUT = "timed out"
    BLOCKED = "blocked"


class RequestQueue:
    """A first-in, first-out queue. A request with a stuck step keeps its turn: other requests are refused.

    Expiry and cancellation wait.
    """

    def __init__(self, stuck: Callable[[], bool], changed: Callable[[], None]) -> None:
        self._queue: deque[object] = deque()
        self._stuck = stuck
        self._changed = changed

    @property
    def idle(self) -> bool:
        """Whether no request runs and none waits."""
        return not self._queue

    @property
    def waiting(self) -> int:
        """How many requests wait behind the running one."""
        return max(len(self._queue) - 1, 0)

    @contextmanager
    def enqueue(self) -> Iterator[object]:
        """Yield a ticket that keeps its place in the queue until the block ends."""
        ticket = object()
        self._queue.append(ticket)
        try:
            yield ticket
        finally:
            self._queue.remove(ticket)
        self._changed()

    async def acquire(self, ticket: object) -> Admission:
        """Wait until a ticket is first, for at most ten seconds; not at all behind a stuck step."""
        if self._queue[0] is ticket:
            return Admission.GRANTED
        try:
            await workflow.wait_condition(
                lambda: self._queue[0] is ticket or self._stuck(),
                timeout=MAX_WAIT,
                timeout_summary="maximum wait in the queue",
            )
        except TimeoutError:
            return Admission.TIMED_OUT
        return Admission.GRANTED if self._queue[0] is ticket else Admission.BLOCKED

    async def acquire_unless(self, ticket: object, needless: Callable[[], bool]) -> bool:
        """Wait until a ticket is first, or its turn is needless; return whether it is first and needed."""
        await workflow.wait_condition(lambda: needless() or self._queue[0] is ticket)
        return not needless()

    async def acquire_without_timeout(self, ticket: object) -> None:
        """Wait until a ticket is first, however long that takes: for expiry, cancellation, recovery and a reversal."""
        await workflow.wait_condition(lambda: self._queue[0] is ticket)
