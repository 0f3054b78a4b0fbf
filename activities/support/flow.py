"""A flow: the order of a request's steps, as plain code that asks for one step after the other.

A flow is a generator, so that the workflow and the transaction of a group (activities/groups.py) can both follow it:
each hands in the results that it has, and sees which step comes next.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeAlias

from pydantic import BaseModel, ConfigDict

from activities.plans import OperatorRequest, PlanChangeResult
from activities.recovery import OpenDraft, RecordedStep
from activities.support.step_kinds import C, Command, R, Step
from domain.changes import ChangeState
from domain.orders import OrderStatus
from temporal.names import GROUP, UNDO_STEPS, GroupName, StepName, System


@dataclass(frozen=True)
class StepCall(Generic[C, R]):
    """A step that a flow asks for, with its command."""

    step: Step[C, R]
    command: C


Steps: TypeAlias = Generator[StepCall[Any, Any], Any, None]
"""The steps of a flow."""


def ask(step: Step[C, R], command: C) -> Generator[StepCall[C, R], Any, R]:
    """Ask for a step; return its result."""
    result: R = yield StepCall(step, command)
    return result


class GroupCommand(Command):
    """Run the adjacent steps of a request that come next, as far as they are in our own database."""

    step: ClassVar[str] = GROUP
    external_systems: tuple[System, ...] = ()
    """The systems before whose steps a group ends: those of the run's start input, not of a worker's settings."""
    known: int = 0
    """How many steps of the flow the workflow knows the results of."""
    alone: bool = True
    """Whether nothing of the request has to be undone if it is refused, so that the group may record its outcome."""
    operator_request: OperatorRequest | None = None
    first_in_run: bool = False
    """Whether the run does not know the draft of an earlier run yet."""
    reseat: int = 0
    """The number of the request's latest reseat; its final steps have keys of their own after each."""


class StepResult(BaseModel):
    """A step that a group ran, or had run before."""

    model_config = ConfigDict(frozen=True)

    step: str
    result: dict[str, Any]
    """What differs from the defaults of the step's result."""
    ms: int
    """How long the step took, in milliseconds."""


class EndedRequest(BaseModel):
    """The outcome of a request."""

    state: ChangeState
    code: str | None = None
    status: OrderStatus
    """The order's status."""


class GroupResult(BaseModel):
    """What a group did: all of its steps, or none."""

    steps: tuple[StepResult, ...] = ()
    ended: EndedRequest | None = None
    """The request's outcome, if it has one and no step follows."""
    refused: str | None = None
    """The code of the refusal, if a step was refused; then nothing of the group has happened."""
    refused_step: str | None = None
    plan: PlanChangeResult | None = None
    """The plan of a refused request, if it got as far."""
    recovery_required: bool = False
    """Whether an earlier run left another request unfinished; it must be finished first."""
    open_draft: OpenDraft | None = None
    """The draft of an earlier run, for the first request of a run."""
    may_be_settled: bool = False
    """Whether the request had passed its point of no return before this group, or it is not known whether it had."""

    @property
    def correlation_id(self) -> str | None:
        """The correlation id of the request, if its plan is among the results."""
        planned = next((each.result for each in self.steps if each.step == StepName.PLAN_CHANGE), {})
        return self.plan.correlation_id if self.plan else planned.get("correlation_id")


class UndoStepsCommand(Command):
    """Undo adjacent steps of our own database together."""

    step: ClassVar[str] = UNDO_STEPS
    undos: tuple[RecordedStep, ...]
    """The steps in the order of their undoing, each with its command."""

    def summary(self) -> str:
        """Name the steps."""
        return f"undo {', '.join(each.step for each in self.undos)}"


class WithdrawGroupResult(BaseModel):
    """What the groups of a request did before they were withdrawn."""

    ended: EndedRequest | None = None
    steps: tuple[RecordedStep, ...] = ()
    """The reversible steps that are done."""
    may_be_settled: bool = False
    """Whether the request has passed its point of no return, or it is not known whether it has."""


@dataclass(frozen=True)
class Flow:
    """The steps of one kind of request. `steps` names every step that `run` may ask for, in their usual order."""

    name: GroupName
    steps: tuple[Step[Any, Any], ...]
    run: Callable[[GroupCommand], Steps]

    def start(self, command: GroupCommand) -> "FlowRun":
        """Start to follow the flow for one request."""
        return FlowRun(self, command)


class FlowRun:
    """One request's way through its flow: the step that comes next, and the results so far."""

    def __init__(self, flow: Flow, command: GroupCommand) -> None:
        self.flow = flow
        self.command = command
        self.next: StepCall[Any, Any] | None = None
        self.ended: EndedRequest | None = None
        self.grouped = True
        """Whether adjacent own steps run together; otherwise each by itself."""
        self.may_be_settled = False
        """Whether an earlier attempt may have passed the point of no return, so that no failure may undo the steps."""
        self._results: dict[str, BaseModel] = {}
        self._steps = flow.run(command)
        self._advance(None)

    @property
    def results(self) -> Mapping[str, BaseModel]:
        """The results so far, by the names of the steps, in their order."""
        return self._results

    def result_of(self, step: Step[C, R]) -> R | None:
        """Return the result of a step, or None if it did not run."""
        result = self._results.get(step.name)
        return result if isinstance(result, step.result_type) else None

    def take(self, result: BaseModel) -> None:
        """Hand in the result of the step that came next. Raises LookupError when no step came next."""
        if self.next is None:
            raise LookupError("the flow has ended")
        self._results[self.next.step.name] = result
        self._advance(result)

    def end(self, ended: EndedRequest) -> None:
        """End the flow, since the request has its outcome."""
        self.ended, self.next = ended, None
        self._steps.close()

    def leave_groups(self) -> None:
        """Run the rest of the flow step by step."""
        self.grouped = False

    def upcoming(self, external_systems: Sequence[System]) -> Sequence[Step[Any, Any]]:
        """Return the steps that may come next in our own database, up to one of an external system."""
        if self.next is None:
            return ()
        steps = self.flow.steps[self.flow.steps.index(self.next.step) :]
        ends = next((n for n, step in enumerate(steps) if step.system in external_systems), len(steps))
        return steps[:ends]

    def _advance(self, result: BaseModel | None) -> None:
        try:
            self.next = self._steps.send(result)
        except StopIteration:
            self.next = None
