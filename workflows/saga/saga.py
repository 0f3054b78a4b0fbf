"""The saga: runs steps, records their undos, and on failure undoes the steps (compensates them), last first.

Inside the block every step can be undone, and the pivot is the last step. After the block only final steps follow.
The kinds of steps let mypy check most of that. The rest is checked here: a violation is a bug, so it raises SagaError,
which parks the workflow's task and undoes nothing.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import BaseModel
from temporalio.exceptions import FailureError

from activities.support.step_kinds import Check, Command, Final, Harmless, Pivot, Reversible
from workflows.saga.cancellation import ignore_cancellation
from workflows.saga.step_runner import StepRunner

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)


class SagaError(Exception):
    """The code runs steps in an order that cannot be undone. This is a bug, not a failed step."""


@dataclass(frozen=True)
class Undo:
    """A reversible step that may have happened, and its command."""

    step: Reversible[Any, Any]
    command: Command


class _Phase(Enum):
    OPEN = "open"
    COMMITTED = "committed"
    ENDED = "ended"
    UNWOUND = "unwound"


class Saga:
    """Steps that happen together or not at all.

    A nested saga that fails undoes only its own steps; one that succeeds hands its undos to the outer saga.
    """

    def __init__(self, runner: StepRunner, undos: Iterable[Undo] = (), outer: "Saga | None" = None) -> None:
        self._runner = runner
        self._undos = list(undos)
        self._outer = outer
        self._phase = _Phase.OPEN
        self._inside = False

    @property
    def undos(self) -> tuple[Undo, ...]:
        """The undos of the steps so far, first step first."""
        return tuple(self._undos)

    @property
    def committed(self) -> bool:
        """Whether the point of no return has been passed."""
        return self._phase is _Phase.COMMITTED

    def adopt(self, undos: Iterable[Undo]) -> None:
        """Take over the undos of an earlier run. They count as older than those of this run."""
        self._undos[:0] = undos

    def nested(self) -> "Saga":
        """Return a saga inside this one. Raises SagaError after the pivot."""
        self._must_be_open()
        return Saga(self._runner, outer=self)

    async def run(self, step: Check[C, R] | Harmless[C, R] | Reversible[C, R], command: C) -> R:
        """Run a step before the pivot. The undo of a reversible one is recorded before the step starts.

        A step that timed out may have happened. Only its undo, under the same key, can find out.
        """
        self._must_be_open()
        if isinstance(step, Reversible):
            self._undos.append(Undo(step, command))
        return await self._runner.run(step, command)

    async def commit(self, pivot: Pivot[C, R], command: C) -> None:
        """Run the pivot: the point of no return for this saga and every outer one. It may still be refused."""
        self._must_be_open()
        if not self._inside:
            raise SagaError("the pivot is the last step inside the block")
        await self._runner.run_pivot(pivot, command)
        saga: Saga | None = self
        while saga is not None:
            saga._phase = _Phase.COMMITTED
            saga._undos.clear()
            saga = saga._outer

    async def finish(self, final: Final[C, R], command: C) -> R:
        """Run a final step, after the block has ended. It is retried until it is done."""
        if self._inside or self._phase is _Phase.OPEN:
            raise SagaError("a final step comes after the block")
        return await self._runner.run_final(final, command)

    async def unwind(self, keep: Iterable[Reversible[Any, Any]] = ()) -> None:
        """Undo the steps so far, last first; steps in `keep` stay as they are.

        A committed saga has nothing to undo. Each undo ends before the next one starts.
        """
        kept = tuple(keep)
        while self._undos:
            undo = self._undos[-1]
            if undo.step not in kept:
                await ignore_cancellation(self._runner.undo(undo.step, undo.command))
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
            # Any other exception is a bug of ours: it parks the workflow's task and must undo nothing.
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
