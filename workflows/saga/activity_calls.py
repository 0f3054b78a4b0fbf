"""Calls activities: as local activities, or on a task queue."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityHandle

from activities.support.step_kinds import EXTERNAL_ATTEMPT, LOCAL_ATTEMPT, Command
from temporal.names import System, queue_of

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)

_BOUNDED = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=2))
_UNLIMITED = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(minutes=1))


class ActivityCaller:
    """Calls activities for one workflow. The set of external systems stays the same for the whole run."""

    def __init__(self, external_systems: tuple[System, ...]) -> None:
        self._external_systems = frozenset(external_systems)

    def is_external(self, system: System) -> bool:
        """Whether a system is external."""
        return system in self._external_systems

    def local(self, do: Callable[[Any, C], R], command: C, attempts: int) -> ActivityHandle[R]:
        """Call an activity of our own database as a local activity, within the workflow's task.

        It is limited by a number of attempts, not by a schedule-to-close time-out: temporalio 1.35 checks that
        time-out only during an attempt, so a local activity that fails quickly would outlive it.
        """
        return workflow.start_local_activity_method(
            do,
            command,
            start_to_close_timeout=LOCAL_ATTEMPT,
            retry_policy=replace(_BOUNDED, maximum_attempts=attempts),
            summary=command.summary(),
        )

    def queued(
        self, do: Callable[[Any, C], R], system: System, command: C, total: timedelta | None, summary: str | None = None
    ) -> ActivityHandle[R]:
        """Call an activity on its task queue; without a total time-out it is retried without end."""
        external = self.is_external(system)
        return workflow.start_activity_method(
            do,
            command,
            task_queue=queue_of(system) if external else None,
            start_to_close_timeout=EXTERNAL_ATTEMPT if external else LOCAL_ATTEMPT,
            schedule_to_close_timeout=total,
            retry_policy=_UNLIMITED,
            summary=summary or command.summary(),
        )
