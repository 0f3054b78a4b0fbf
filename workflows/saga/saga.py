"""The saga: runs steps, remembers what would have to be taken back, and takes it back, last first.

Inside the block everything can be taken back; the pivot is the last thing in it; outside, only
forward. What types cannot see of that is refused here, as a bug: it parks the workflow's task and
undoes nothing.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import BaseModel
from temporalio.exceptions import FailureError

from activities.support.step_kinds import Check, Command, Final, Pivot, Reversible
from workflows.saga.cancellation import ignore_cancellation
from workflows.saga.step_runner import StepRunner

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)


class SagaError(Exception):
    """Steps are written in an order that cannot be taken back."""


@dataclass(frozen=True)
class Undo:
    """A step that may have happened, and what it was asked for."""

    step: Reversible[Any, Any]
    command: Command


class _Phase(Enum):
    OPEN = "open"
    COMMITTED = "committed"
    ENDED = "ended"
    UNWOUND = "unwound"


class Saga:
    """Steps that happen together or not at all. A nested one unwinds alone, or hands over its undos."""

    def __init__(self, steps: StepRunner, undos: Iterable[Undo] = (), outer: "Saga | None" = None) -> None:
        self._steps = steps
        self._undos = list(undos)
        self._outer = outer
        self._phase = _Phase.OPEN
        self._inside = False

    @property
    def undos(self) -> tuple[Undo, ...]:
        """What would have to be taken back, first asked first."""
        return tuple(self._undos)

    @property
    def committed(self) -> bool:
        """Whether the point of no return has been passed."""
        return self._phase is _Phase.COMMITTED

    def adopt(self, undos: Iterable[Undo]) -> None:
        """Take over what an earlier run left to be taken back."""
        self._undos[:0] = undos

    def nested(self) -> "Saga":
        """Return a saga inside this one."""
        self._must_be_open()
        return Saga(self._steps, outer=self)

    async def run(self, step: Check[C, R] | Reversible[C, R], command: C) -> R:
        """Run a step that can be taken back. Its undo is noted before it is asked for.

        A step that timed out may have happened; only its undo, by the same key, can tell.
        """
        self._must_be_open()
        if isinstance(step, Reversible):
            self._undos.append(Undo(step, command))
        return await self._steps.run(step, command)

    async def commit(self, pivot: Pivot[C, R], command: C) -> None:
        """Pass the point of no return, for this saga and every outer one. May still be refused."""
        self._must_be_open()
        if not self._inside:
            raise SagaError("the pivot is the last thing inside the block")
        await self._steps.run_pivot(pivot, command)
        saga: Saga | None = self
        while saga is not None:
            saga._phase = _Phase.COMMITTED
            saga._undos.clear()
            saga = saga._outer

    async def finish(self, final: Final[C, R], command: C) -> R:
        """Run a step that cannot fail any more, once the block has ended."""
        if self._inside or self._phase is _Phase.OPEN:
            raise SagaError("a final step comes after the block")
        return await self._steps.run_final(final, command)

    async def unwind(self, keep: Iterable[Reversible[Any, Any]] = ()) -> None:
        """Take back what was asked for, last first; steps in `keep` stay as they are.

        A committed saga has nothing to take back. One undo is done before the next is asked for.
        """
        kept = tuple(keep)
        while self._undos:
            undo = self._undos[-1]
            if undo.step not in kept:
                await ignore_cancellation(self._steps.undo(undo.step, undo.command))
            self._undos.pop()
        if self._phase is _Phase.OPEN:
            self._phase = _Phase.UNWOUND

    async def __aenter__(self) -> Self:
        self._inside = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside = False
        if error is None:
            self._hand_over()
        elif isinstance(error, FailureError | asyncio.CancelledError) and not self.committed:
            # Anything else is a bug of ours: it parks the task and must undo nothing.
            await ignore_cancellation(self.unwind())

    def _hand_over(self) -> None:
        if self._phase is _Phase.OPEN:
            self._phase = _Phase.ENDED
            if self._outer is not None:
                self._outer._undos.extend(self._undos)
                self._undos.clear()

    def _must_be_open(self) -> None:
        if self._phase is not _Phase.OPEN:
            raise SagaError(f"the saga is {self._phase.value}: nothing reversible may follow")
