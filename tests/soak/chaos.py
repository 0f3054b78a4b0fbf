"""Breaks parts as the program says and brings each back at once."""

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
    """A part that was broken, and from when on it was let come back."""

    part: Part
    at: float
    since: float


class Chaos:
    """Kills, and starts again what died by itself."""

    def __init__(self, stack: Stack, database: Server | None, ledger: ClientLog) -> None:
        self._stack = stack
        self._database = database
        self._ledger = ledger
        self.performed: list[PerformedKill] = []
        self.died: list[str] = []
        """Parts that ended without being killed: started again, as a supervisor does."""

    async def run(self, kills: tuple[Kill, ...]) -> None:
        """Break what the program says when it says so."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self.watch())
            for kill in kills:
                await asyncio.sleep(max(kill.at - self._ledger.now(), 0))
                await self._perform(kill)
            watch.cancel()

    async def watch(self) -> None:
        """Start again what ended by itself, for ever."""
        while True:
            for child in self._stack.children:
                if child.ended:
                    self.died.append(child.name)
                    child.start()
            await asyncio.sleep(WATCH_SECONDS)

    def unrecovered_kills(self) -> Iterator[Violation]:
        """Yield every kill after which nothing went on in time."""
        for each in self.performed:
            told = self._ledger.next_success(each.since)
            if told is None or told - each.since > SECONDS_TO_RECOVER:
                what = f"{each.part} at {each.at:.1f} s, next success {told and round(told, 1)}"
                yield Violation(f"work goes on within {SECONDS_TO_RECOVER:.0f} s", what)

    async def _perform(self, kill: Kill) -> None:
        at = self._ledger.now()
        if kill.part is Part.POSTGRES:
            if self._database is None:
                raise LookupError("there is no PostgreSQL to kill")
            await asyncio.to_thread(self._database.kill)
            await asyncio.to_thread(self._database.start)
        elif kill.part is Part.PAUSE:
            await self._pause(self._stack.worker, kill.pause)
        else:
            child = self._victim(kill.part)
            if child.ended:
                child.start()  # a kill that meets nobody is none
            child.kill()
            child.start()
        since = self._ledger.now() if kill.part is Part.PAUSE else at
        self.performed.append(PerformedKill(kill.part, at, since))

    def _victim(self, part: Part) -> Child:
        found = {
            Part.WORKER: self._stack.worker,
            Part.API: self._stack.server_api,
            Part.TEMPORAL: self._stack.server,
        }
        return found[part]

    @staticmethod
    async def _pause(child: Child, seconds: float) -> None:
        if child.process is None:
            raise LookupError("the worker was never started")
        os.kill(child.process.pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(child.process.pid, signal.SIGCONT)
