"""A clock that jumps from event to event, and stations where jobs wait for a server: all a simulation needs."""

import itertools
import random  # noqa: TID251 - dice of a simulation, thrown from a seed
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush

Act = Callable[[], None]
FOREVER = float("inf")


class Clock:
    """What happens when. Events of one moment happen in the order they were planned: a seed gives one course."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self._dice = random.Random(seed)  # noqa: S311 - as above
        self._due: list[tuple[float, int, Act]] = []
        self._number = itertools.count()

    def after(self, seconds: float, act: Act) -> None:
        """Let something happen after a while."""
        heappush(self._due, (self.now + seconds, next(self._number), act))

    def about(self, mean: float) -> float:
        """Return a time with this mean that remembers nothing: the exponential distribution."""
        return self._dice.expovariate(1 / mean) if mean else 0.0

    def chance(self) -> float:
        """Return a number from 0 to 1."""
        return self._dice.random()

    def one_of(self, count: int) -> int:
        """Return one of so many, each as likely."""
        return self._dice.randrange(count)

    def run(self, until: float = FOREVER) -> None:
        """Let everything happen that is due until then."""
        while self._due and self._due[0][0] <= until:
            self.now, _, act = heappop(self._due)
            act()
        self.now = max(self.now, until) if until < FOREVER else self.now


class Station:
    """Servers with one queue before them, first come, first served."""

    def __init__(self, clock: Clock, servers: int) -> None:
        self._clock = clock
        self.servers = servers
        self._free = servers
        self._queue: deque[tuple[float, float, Act]] = deque()
        self._present, self._seen = 0, 0.0
        self.busy = 0.0
        """Seconds of all servers, of jobs that have ended."""
        self.present = 0.0
        """Jobs, waiting or served, times the seconds they were there."""
        self.waits: list[float] = []

    def serve(self, seconds: float, then: Act) -> None:
        """Stand in the queue, be served so long, and go on."""
        self._count(1)
        job = (self._clock.now, seconds, then)
        if self._free:
            self._begin(job)
        else:
            self._queue.append(job)

    def _begin(self, job: tuple[float, float, Act]) -> None:
        came, seconds, then = job
        self._free -= 1
        self.waits.append(self._clock.now - came)
        self._clock.after(seconds, lambda: self._end(seconds, then))

    def _end(self, seconds: float, then: Act) -> None:
        self._free += 1
        self.busy += seconds
        self._count(-1)
        if self._queue:
            self._begin(self._queue.popleft())
        then()

    def _count(self, change: int) -> None:
        self.present += self._present * (self._clock.now - self._seen)
        self._present, self._seen = self._present + change, self._clock.now


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of all is not above; 0 of none."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else 0.0
