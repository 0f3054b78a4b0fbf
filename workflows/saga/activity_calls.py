"""Calls activities: as local activities, or on a task queue."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityHandle

from activities.support.step_kinds import EXTERNAL_ATTEMPT, LOCAL_ATTEMPT, Command, Step
from temporal.names import NEWER_WORKER_NEEDED, System, queue_of

R = TypeVar("R", bound=BaseModel)

# Only another worker can help then, and a local activity is never given to another worker.
_BOUNDED = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_interval=timedelta(seconds=2),
    non_retryable_error_types=[NEWER_WORKER_NEEDED],
)
_UNLIMITED = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(minutes=1))


@dataclass(frozen=True)
class ActivityCall(Generic[R]):
    """An activity to call on a task queue: a step or an undo, with its command and what it is called for people."""

    name: str
    result_type: type[R]
    system: System
    command: Command
    summary: str
    attempt: timedelta = LOCAL_ATTEMPT
    """The time-out of one attempt on a task queue, unless the system is external."""
    by_hand: bool = True
    """Whether an operator may do it at its external provider instead."""

    @classmethod
    def of_step(cls, step: Step[Any, R], command: Command) -> Self:
        """Return the call of a step."""
        about = (step.name, step.result_type, step.system, command, command.summary())
        return cls(*about, attempt=step.attempt, by_hand=step.by_hand)

    def with_command(self, command: Command) -> Self:
        """Return the same call with another command."""
        return replace(self, command=command)


class ActivityCaller:
    """Calls activities for one workflow. The set of external systems stays the same for the whole run."""

    def __init__(self, external_systems: tuple[System, ...]) -> None:
        self.external_systems = external_systems

    def is_external(self, system: System) -> bool:
        """Whether a system is external."""
        return system in self.external_systems

    def local(
        self, call: ActivityCall[R], attempts: int, attempt_timeout: timedelta = LOCAL_ATTEMPT
    ) -> ActivityHandle[R]:
        """Call an activity of our own database as a local activity, within the workflow's task.

        It is limited by a number of attempts, not by a schedule-to-close time-out: temporalio 1.35 checks that
        time-out only during an attempt, so a local activity that fails quickly would outlive it.
        """
        return workflow.start_local_activity(
            call.name,
            call.command,
            result_type=call.result_type,
            start_to_close_timeout=attempt_timeout,
            retry_policy=replace(_BOUNDED, maximum_attempts=attempts),
            summary=call.summary,
        )

    def _attempt_of(self, call: ActivityCall[R]) -> timedelta:
        """Return the time-out of an attempt: where nothing is external, no step waits longer than for our database."""
        if self.is_external(call.system):
            return EXTERNAL_ATTEMPT
        return call.attempt if self.external_systems else LOCAL_ATTEMPT

    def queued(self, call: ActivityCall[R], total: timedelta | None) -> ActivityHandle[R]:
        """Call an activity on its task queue; without a total time-out it is retried without end."""
        external = self.is_external(call.system)
        return workflow.start_activity(
            call.name,
            call.command,
            result_type=call.result_type,
            task_queue=queue_of(call.system) if external else None,
            start_to_close_timeout=self._attempt_of(call),
            schedule_to_close_timeout=total,
            retry_policy=_UNLIMITED,
            summary=call.summary,
        )
