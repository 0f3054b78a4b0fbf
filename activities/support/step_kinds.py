"""The kinds of step. Each step is a class of one kind, beside its command, with its undo below it.

A check changes nothing. A harmless step changes something that needs no undo. A reversible step has an undo, which
takes the same command: the request of the step, not its result. The pivot cannot be undone but may be refused. A final
step cannot be refused any more.

`activities/support/registry.py` lists the instances: mypy refuses an instance of a class that lacks a method of its
kind, so no step is without its undo. `activities/support/step_executor.py` calls the methods in their order.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from sqlmodel import Session

from activities.support.step_context import StepContext
from domain.orders import Order
from store.changes.new_records import NewRecord, Size
from store.tables import OrderRow, StepRecordRow
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
# A group waits for more locks than one step. After its attempts its steps run one by one.
GROUP_ATTEMPT = timedelta(seconds=10)
GROUP_ATTEMPTS = 3


class Executor(Protocol):
    """Runs steps at most once per key: `activities/support/step_executor.py`."""

    @property
    def context(self) -> StepContext:
        """What steps work with."""

    def run(self, step: "Step[C, R]", command: C) -> R:
        """Run a step and record its result, or return the recorded one."""


class Step(ABC, Generic[C, R]):
    """A step of a change: what it asks of a provider, and what it records in our own database.

    An instance holds no state; what it works with is in the context.
    """

    command_type: type[C]
    result_type: type[R]
    """Both are those of the class's declaration: `class ReserveSeats(Reversible[Command, Result])`."""
    system: ClassVar[System]
    """The system that the step asks; if it is external, the step runs on that system's task queue."""
    undo_name: ClassVar[str | None] = None
    """The undo's persisted name, if it has one."""
    keeps_record: ClassVar[bool] = True
    """Whether its first result is recorded under its key; a step without a record finds out itself what happened."""
    attempt: ClassVar[timedelta] = LOCAL_ATTEMPT
    """The time-out of one attempt on a task queue, unless its system is external."""
    by_hand: ClassVar[bool] = True
    """Whether an operator may do it at its external provider instead, if it is stuck."""

    has_moves: ClassVar[bool] = False
    """Whether it moves money move by move; then it is stated of each move that it was done by hand."""

    def __init_subclass__(cls) -> None:
        """Read the types of command and result off the declaration, and check the names."""
        super().__init_subclass__()
        for base in getattr(cls, "__orig_bases__", ()):
            types = get_args(base)
            if len(types) == len(("C", "R")) and issubclass(get_origin(base), Step) and isinstance(types[0], type):
                cls.command_type, cls.result_type = types
        if hasattr(cls, "command_type"):
            cls._check_names()

    @classmethod
    def _check_names(cls) -> None:
        """Raise TypeError when the step's command or its system is not declared."""
        if not hasattr(cls, "system") or not getattr(cls.command_type, "step", ""):
            raise TypeError(f"{cls.__name__} declares its system, and its command the name of the step")

    @property
    def name(self) -> str:
        """The activity's persisted name."""
        return self.command_type.step

    def execute(self, executor: "Executor", command: C) -> R:
        """Run the step as an activity: at most once under its key."""
        return self.answer(executor.run(self, command))

    def answer(self, result: R) -> R:
        """Return what the workflow gets of a result: less than is recorded, if only the undo needs the rest."""
        return result

    def calls_outside(self, context: StepContext) -> bool:
        """Whether `call` asks an external provider, so that it must not be within a transaction."""
        return self.system in context.external_systems

    def precheck(self, context: StepContext, tx: Session, order: OrderRow, command: C) -> None:
        """Refuse the step before its provider is first asked, under the order's lock."""

    def freeze(self, context: StepContext, tx: Session, order: OrderRow, command: C) -> None:
        """Write what the call will ask an external provider for, as the step is recorded as started."""

    def before_retry(self, context: StepContext, order: OrderRow, command: C) -> None:
        """Prepare the call of an external provider that may have been called before; what fails here is only logged."""

    def call(self, context: StepContext, order: OrderRow, command: C) -> Any:
        """Ask the provider, under the command's key; outside of any transaction if the provider is external."""

    def call_again(self, context: StepContext, order: OrderRow, command: C) -> Any:
        """Ask an external provider that may have been asked before, so that the outcome under the key is unknown."""
        return self.call(context, order, command)

    def size(self, tx: Session, order: OrderRow, command: C, response: Any) -> Size:
        """Return what guards read in the step's record; `response` is None before the provider has answered.

        A step that moves money says its amount: one that is unknown needs two people when it is done by hand.
        """
        return Size()

    def new_record(self, tx: Session, order: OrderRow, command: C, response: Any = None) -> NewRecord:
        """Return what the step's record says from the beginning."""
        return NewRecord(command, self.undo_name, self.size(tx, order, command, response))

    @abstractmethod
    def record(self, context: StepContext, tx: Session, order: OrderRow, command: C, response: Any) -> R:
        """Change our own rows, given what the provider answered, and return the step's result."""


class Check(Step[C, R]):
    """A step that has no effect to undo."""


class Harmless(Step[C, R]):
    """A step that changes something and needs no undo; its docstring says why."""


class Reversible(Step[C, R]):
    """A step that its undo can undo (compensate)."""

    undo_name: ClassVar[str]
    """The undo's persisted name."""

    @classmethod
    def _check_names(cls) -> None:
        super()._check_names()
        if cls.undo_name in (None, cls.command_type.step):
            raise TypeError(f"{cls.__name__} declares a name for its undo, other than the step's own")

    def undo_call(self, context: StepContext, order: OrderRow, command: C) -> None:
        """Ask the provider to undo what it did under the command's key, if anything; it may be asked again."""

    @abstractmethod
    def revert(self, context: StepContext, tx: Session, order: OrderRow, command: C, result: R) -> None:
        """Restore our own rows, given the step's recorded result."""

    @abstractmethod
    def describe_undo(self, tx: Session, order: Order, record: StepRecordRow) -> Iterator[str]:
        """Yield what an undo would do now, in words for operators."""


class Pivot(Step[C, R]):
    """The point of no return: it may still be refused, but is never undone."""


class Final(Step[C, R]):
    """A step after the point of no return; it is retried until it is done."""
