"""Streams of changes: one query of the store per interval serves every stream of this process."""

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
ValidityCheck = Callable[[], Awaitable[bool]]
"""Whether the credential of a stream's client is still valid."""


@dataclass(frozen=True)
class StreamUpdate:
    """The new steps and events of a change since the last snapshot."""

    steps: tuple[StepStatus, ...]
    events: tuple[EventRow, ...]
    snapshot: ChangeSnapshot


class ChangeStreams:
    """The streams of this process. Without an open stream the store is not queried."""

    def __init__(self, store: Store, settings: WatchSettings) -> None:
        self._store = store
        self._settings = settings
        self._streams_by_change: Counter[str] = Counter()
        self._streams_by_client: Counter[str] = Counter()
        self._poll: asyncio.Task[dict[str, ChangeSnapshot]] | None = None
        self._closing = False

    @property
    def watching(self) -> int:
        """How many streams are open."""
        return self._streams_by_change.total()

    def close(self) -> None:
        """End every stream because this process stops; clients resume their streams at another process."""
        self._closing = True

    def snapshot(self, access: TenantAccess, change: str) -> ChangeSnapshot | None:
        """Return the present snapshot of a change; None if the caller may not access it or it does not exist."""
        with self._store.for_tenant(access).read() as tx:
            snapshot = change_snapshots(tx, [change]).get(change)
        return snapshot if snapshot and access.allows(snapshot.tenant, snapshot.channel) else None

    @contextmanager
    def reserve_slot(self, change: str, client: str) -> Iterator[None]:
        """Reserve one stream. Raise TOO_MANY_WATCHERS at the limit of this process or of the client."""
        full = bool(client) and self._streams_by_client[client] >= self._settings.per_client
        if full or self.watching >= self._settings.max_streams:
            raise ProblemError("TOO_MANY_WATCHERS")
        self._streams_by_change[change] += 1
        self._streams_by_client[client] += 1
        try:
            yield
        finally:
            self._streams_by_change[change] -= 1
            self._streams_by_client[client] -= 1
            # Drops the counts that are zero, so that the counters do not grow.
            self._streams_by_change += Counter()
            self._streams_by_client += Counter()

    async def updates(
        self, first: ChangeSnapshot, after: int, is_still_valid: ValidityCheck
    ) -> AsyncIterator[StreamUpdate]:
        """Yield the updates of a change after an event number, until the change or the stream ends.

        The stream ends at its maximum age, when the process stops, or when the client's credential is no longer
        valid. Between two polls a stream holds no thread and no connection.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + self._settings.life.total_seconds()
        next_validity_check = clock() + self._settings.reauthenticate_every.total_seconds()
        sent_steps: dict[str, StepStatus] = {}
        snapshot: ChangeSnapshot | None = first
        while not self._closing and clock() < end:
            events = await self._find_events(snapshot, after) if snapshot else None
            if snapshot and events is not None:
                steps = tuple(step for step in snapshot.steps if sent_steps.get(step.step) != step)
                yield StreamUpdate(steps, tuple(events), snapshot)
                if snapshot.outcome:
                    return
                sent_steps |= {step.step: step for step in steps}
                after = max(after, snapshot.last_event)
            snapshot = await self._next_snapshot(first.change)
            if clock() >= next_validity_check:
                if not await is_still_valid():
                    return
                next_validity_check = clock() + self._settings.reauthenticate_every.total_seconds()

    async def _find_events(self, snapshot: ChangeSnapshot, after: int) -> list[EventRow] | None:
        """Return the events after a number; None if the store is busy."""
        if snapshot.last_event <= after:
            return []
        try:
            return await run_in_threadpool(self._read_events, snapshot, after)
        except BUSY as error:
            log.warning("change stream read failed: %s", type(error).__name__)
            return None

    def _read_events(self, snapshot: ChangeSnapshot, after: int) -> list[EventRow]:
        with self._store.read() as tx:
            return events_for_stream(tx, snapshot, after)

    async def _next_snapshot(self, change: str) -> ChangeSnapshot | None:
        """Wait for the next poll; all streams that wait at that time share it."""
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._poll_once())
        return (await asyncio.shield(self._poll)).get(change)

    async def _poll_once(self) -> dict[str, ChangeSnapshot]:
        await asyncio.sleep(POLL_INTERVAL.total_seconds())
        try:
            return await run_in_threadpool(self._read_snapshots, sorted(self._streams_by_change))
        except BUSY as error:
            log.warning("change stream read failed: %s", type(error).__name__)
            return {}

    def _read_snapshots(self, changes: list[str]) -> dict[str, ChangeSnapshot]:
        with self._store.read() as tx:
            return change_snapshots(tx, changes)
