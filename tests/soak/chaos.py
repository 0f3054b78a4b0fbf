"""Kills or pauses processes as the program says, and starts each again at once."""

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cli.processes import Child
from cli.stack import Stack
from tests.soak.client_log import ClientLog, Violation
from tests.soak.program import Kill, Part

WATCH_SECONDS = 0.5
SECONDS_TO_RECOVER = 30.0


class Server(Protocol):
    """A database server that can be killed."""

    def kill(self) -> None:
        """Kill it at once."""

    def start(self) -> None:
        """Start it again."""


@dataclass(frozen=True)
class PerformedKill:
    """A process that was killed or paused at `at`, and could continue from `since`; seconds since the traffic began."""

    part: Part
    at: float
    since: float


class Chaos:
    """Kills processes, and starts again those that ended by themselves."""

    def __init__(self, stack: Stack, database: Server | None, client_log: ClientLog) -> None:
        self._stack = stack
        self._database = database
        self._client_log = client_log
        self.performed: list[PerformedKill] = []
        self.died: list[str] = []
        """Processes that ended without being killed; they were started again, as a supervisor does."""

    async def run(self, kills: tuple[Kill, ...]) -> None:
        """Perform the kills of the program at their times."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self.watch())
            for kill in kills:
                await asyncio.sleep(max(kill.at - self._client_log.now(), 0))
                await self._perform(kill)
            watch.cancel()

    async def watch(self) -> None:
        """Start processes again that ended by themselves, until cancelled."""
        while True:
            for child in self._stack.children:
                if child.ended:
                    self.died.append(child.name)
                    child.start()
            await asyncio.sleep(WATCH_SECONDS)

    def unrecovered_kills(self) -> Iterator[Violation]:
        """Yield every kill after which no new change was done in time."""
        for each in self.performed:
            success = self._client_log.next_success(each.since)
            if success is None or success - each.since > SECONDS_TO_RECOVER:
                what = f"{each.part} at {each.at:.1f} s, next success {success and round(success, 1)}"
                yield Violation(f"work continues within {SECONDS_TO_RECOVER:.0f} s", what)

    async def _perform(self, kill: Kill) -> None:
        at = self._client_log.now()
        if kill.part is Part.POSTGRES:
            if self._database is None:
                raise LookupError("there is no PostgreSQL to kill")
            await asyncio.to_thread(self._database.kill)
            await asyncio.to_thread(self._database.start)
        elif kill.part is Part.PAUSE:
            await self._pause(self._stack.worker, kill.pause)
        else:
            child = self._process_of(kill.part)
            if child.ended:
                child.start()  # killing a process that has ended already would test nothing
            child.kill()
            child.start()
        since = self._client_log.now() if kill.part is Part.PAUSE else at
        self.performed.append(PerformedKill(kill.part, at, since))

    def _process_of(self, part: Part) -> Child:
        processes = {
            Part.WORKER: self._stack.worker,
            Part.API: self._stack.server_api,
            Part.TEMPORAL: self._stack.server,
        }
        return processes[part]

    @staticmethod
    async def _pause(child: Child, seconds: float) -> None:
        if child.process is None:
            raise LookupError("the worker was never started")
        os.kill(child.process.pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(child.process.pid, signal.SIGCONT)
