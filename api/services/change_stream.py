"""Changes watched as they happen: one look at the store serves every stream of this process."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from starlette.concurrency import run_in_threadpool

from api.errors.problems import ProblemError
from api.settings import WatchSettings
from domain.access import TenantAccess
from store.database.connections import BUSY
from store.database.store import Store
from store.tables import EventRow
from store.views.change_progress import ChangeSnapshot, StepStatus, change_snapshots, events_for_stream

log = logging.getLogger(__name__)

POLL_INTERVAL = timedelta(milliseconds=100)
Admitted = Callable[[], Awaitable[bool]]
"""Whether a stream's client would still be let in."""


@dataclass(frozen=True)
class StreamUpdate:
    """What has become true of a change since it was last looked at."""

    steps: tuple[StepStatus, ...]
    events: tuple[EventRow, ...]
    glance: ChangeSnapshot


class ChangeStreams:
    """The streams of this process. While nobody watches, nothing is looked at."""

    def __init__(self, store: Store, settings: WatchSettings) -> None:
        self._store = store
        self._settings = settings
        self._watched: Counter[str] = Counter()
        self._of_client: Counter[str] = Counter()
        self._look: asyncio.Task[dict[str, ChangeSnapshot]] | None = None
        self._closing = False

    @property
    def watching(self) -> int:
        """How many streams are open."""
        return self._watched.total()

    def close(self) -> None:
        """End every stream: this process stops, and its clients resume elsewhere."""
        self._closing = True

    def snapshot(self, reach: TenantAccess, change: str) -> ChangeSnapshot | None:
        """Return a change as it stands; None when there is none within reach."""
        with self._store.for_tenant(reach).read() as tx:
            found = change_snapshots(tx, [change]).get(change)
        return found if found and reach.allows(found.tenant, found.channel) else None

    @contextmanager
    def reserve_slot(self, change: str, client: str) -> Iterator[None]:
        """Take a place among the streams. Raises TOO_MANY_WATCHERS when all are taken, or as many as a client may."""
        full = bool(client) and self._of_client[client] >= self._settings.per_client
        if full or self.watching >= self._settings.most:
            raise ProblemError("TOO_MANY_WATCHERS")
        self._watched[change] += 1
        self._of_client[client] += 1
        try:
            yield
        finally:
            self._watched[change] -= 1
            self._of_client[client] -= 1
            # Forgets those nobody watches any more, and who watches nothing.
            self._watched += Counter()
            self._of_client += Counter()

    async def updates(self, first: ChangeSnapshot, after: int, admitted: Admitted) -> AsyncIterator[StreamUpdate]:
        """Yield what becomes true of a change behind an event number, until it ends or the stream must.

        It must when its client would not be let in any more. Between two looks no thread and no connection is held.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + self._settings.life.total_seconds()
        ask_again = clock() + self._settings.admitted_for.total_seconds()
        told: dict[str, StepStatus] = {}
        glance: ChangeSnapshot | None = first
        while not self._closing and clock() < until:
            events = await self._events(glance, after) if glance else None
            if glance and events is not None:
                steps = tuple(step for step in glance.steps if told.get(step.step) != step)
                yield StreamUpdate(steps, tuple(events), glance)
                if glance.outcome:
                    return
                told |= {step.step: step for step in steps}
                after = max(after, glance.last_event)
            glance = await self._next_look(first.change)
            if clock() >= ask_again:
                if not await admitted():
                    return
                ask_again = clock() + self._settings.admitted_for.total_seconds()

    async def _events(self, glance: ChangeSnapshot, after: int) -> list[EventRow] | None:
        """Return the events behind a number; None when the store is too busy to say."""
        if glance.last_event <= after:
            return []
        try:
            return await run_in_threadpool(self._read, glance, after)
        except BUSY as error:
            log.warning("events not read: %s", type(error).__name__)
            return None

    def _read(self, glance: ChangeSnapshot, after: int) -> list[EventRow]:
        with self._store.read() as tx:
            return events_for_stream(tx, glance, after)

    async def _next_look(self, change: str) -> ChangeSnapshot | None:
        """Wait for the next look, which everybody shares who waits by then."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_around())
        return (await asyncio.shield(self._look)).get(change)

    async def _look_around(self) -> dict[str, ChangeSnapshot]:
        await asyncio.sleep(POLL_INTERVAL.total_seconds())
        try:
            return await run_in_threadpool(self._glances, sorted(self._watched))
        except BUSY as error:
            log.warning("changes not looked at: %s", type(error).__name__)
            return {}

    def _glances(self, changes: list[str]) -> dict[str, ChangeSnapshot]:
        with self._store.read() as tx:
            return change_snapshots(tx, changes)
