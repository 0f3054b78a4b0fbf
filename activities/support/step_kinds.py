"""The kinds of step. A step is declared beside its activity, together with its undo and its system.

A check needs no undo. A reversible step has an undo, which takes the same command: the request of the step, not its
result. The pivot cannot be undone but may be refused. A final step cannot be refused any more.

Activities set `no_thread_cancel_exception`, so that one that times out runs to its end. Otherwise the SDK would raise
in its thread at any point, and the store's writer lock could be acquired and never released.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from domain.money import Money
from temporal.names import System, step_key


class Command(BaseModel):
    """The input of a step: ids, counts, amounts and times, never personal data."""

    model_config = ConfigDict(frozen=True)

    step: ClassVar[str]
    """The name of the step's activity."""

    change: str
    order: str
    done_by_hand_reason: str | None = None
    """The operator's reason if the step was done by hand at the provider; then only our own database is updated."""
    done_by_hand_by: tuple[str, ...] = ()
    """The operators who stated so, last first, if two were needed."""

    @property
    def key(self) -> str:
        """The key of the step: the same after a crash, after a reset and in another run."""
        return step_key(self.change, self.step)

    @property
    def moves(self) -> Money | None:
        """The amount that the step moves, if the command contains it."""
        return None

    def summary(self) -> str:
        """Describe the step in plain words, for operators who read the history."""
        return self.step


class Nothing(BaseModel):
    """The result of a step without data."""


C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)


# The time-out of one attempt at a step. It is longer than the store's busy wait (store/database/store.py), so that a
# busy store ends the attempt with an error of its own.
LOCAL_ATTEMPT = timedelta(seconds=6)
EXTERNAL_ATTEMPT = timedelta(seconds=20)
# After these a step counts as failed. In our own store that is after nine seconds of quick failures, or half a minute
# of a busy store.
LOCAL_ATTEMPTS = 9
EXTERNAL_TOTAL = timedelta(seconds=60)


@dataclass(frozen=True)
class _Step(Generic[C, R]):
    command_type: type[C]
    """The type of its command. With it mypy can refuse the undo of another step."""
    do: Callable[[Any, C], R]
    system: System

    @property
    def name(self) -> str:
        """The activity's persisted name."""
        return self.command_type.step


@dataclass(frozen=True)
class Check(_Step[C, R]):
    """A step that has no effect to undo."""


@dataclass(frozen=True)
class Reversible(_Step[C, R]):
    """A step that its undo can undo (compensate)."""

    undo: Callable[[Any, C], Nothing]
    undo_name: str
    """The undo's persisted name."""


@dataclass(frozen=True)
class Pivot(_Step[C, R]):
    """The point of no return: it may still be refused, but is never undone."""


@dataclass(frozen=True)
class Final(_Step[C, R]):
    """A step after the point of no return; it is retried until it is done."""
