"""The kinds of step, and where each runs. A step and its undo are declared on one line.

Check leaves nothing to take back. Reversible has an undo, which takes the same command: what was asked for, not
what came back. Pivot cannot be taken back but may be refused. Final cannot be refused any more.

Activities say `no_thread_cancel_exception`: one that is timed out runs to its end. The SDK would otherwise raise in
its thread wherever that is, and the store's turn to write could be taken and never given back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from domain.money import Money
from temporal.names import System, step_key


class Command(BaseModel):
    """What a step is asked for: ids, counts, money and times, never anything personal."""

    model_config = ConfigDict(frozen=True)

    step: ClassVar[str]
    """The activity that does it."""

    change: str
    order: str
    done_by_hand_reason: str | None = None
    """Why an operator did it at the provider; then only our own books are mended."""
    done_by_hand_by: tuple[str, ...] = ()
    """Who said so: last first, when it took two."""

    @property
    def key(self) -> str:
        """Our name for this attempt: the same after a crash, a reset and in another run."""
        return step_key(self.change, self.step)

    @property
    def moves(self) -> Money | None:
        """How much money it moves, if that stands in what is asked."""
        return None

    def summary(self) -> str:
        """Say in plain words what is asked, for whoever reads the history."""
        return self.step


class Nothing(BaseModel):
    """The answer of a step that has nothing to say."""


C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)


# How long one attempt at a step may take. It outlasts the store's busy wait (store/database/store.py), so that a busy
# store is an answer.
LOCAL_ATTEMPT = timedelta(seconds=6)
EXTERNAL_ATTEMPT = timedelta(seconds=20)
# Then a step counts as broken. In our own store: nine seconds of quick failures, half a minute of a busy store.
LOCAL_ATTEMPTS = 9
EXTERNAL_TOTAL = timedelta(seconds=60)


@dataclass(frozen=True)
class _Step(Generic[C, R]):
    command_type: type[C]
    """The command it takes. Naming it is what lets mypy refuse the undo of another step."""
    do: Callable[[Any, C], R]
    system: System

    @property
    def name(self) -> str:
        """The activity's persisted name."""
        return self.command_type.step


@dataclass(frozen=True)
class Check(_Step[C, R]):
    """Leaves nothing behind that would have to be taken back."""


@dataclass(frozen=True)
class Reversible(_Step[C, R]):
    """Can be taken back by its undo."""

    undo: Callable[[Any, C], Nothing]
    undo_name: str
    """The undo's persisted name."""


@dataclass(frozen=True)
class Pivot(_Step[C, R]):
    """The point of no return: may still be refused, never undone."""


@dataclass(frozen=True)
class Final(_Step[C, R]):
    """Comes after the point of no return and is retried until it is done."""
