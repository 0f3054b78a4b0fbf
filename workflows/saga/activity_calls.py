"""How an activity is called: in the local batch, or on the queue of whoever does it."""

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

_QUICK = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=2))
_PATIENT = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(minutes=1))


class ActivityCaller:
    """Calls activities for one workflow; which providers are outside is fixed for its whole life."""

    def __init__(self, outside: tuple[System, ...]) -> None:
        self._outside = frozenset(outside)

    def is_external(self, system: System) -> bool:
        """Whether a system is external."""
        return system in self._outside

    def local(self, do: Callable[[Any, C], R], command: C, attempts: int) -> ActivityHandle[R]:
        """Call an activity of our own database within the workflow's task.

        Attempts are counted because a local activity that fails quickly outlives its schedule-to-close
        time-out: temporalio 1.35 looks at it only while an attempt is under way.
        """
        return workflow.start_local_activity_method(
            do,
            command,
            start_to_close_timeout=LOCAL_ATTEMPT,
            retry_policy=replace(_QUICK, maximum_attempts=attempts),
            summary=command.summary(),
        )

    def queued(
        self, do: Callable[[Any, C], R], system: System, command: C, total: timedelta | None, what: str | None = None
    ) -> ActivityHandle[R]:
        """Call an activity on its queue; without a total it is tried for ever."""
        outside = system in self._outside
        return workflow.start_activity_method(
            do,
            command,
            task_queue=queue_of(system) if outside else None,
            start_to_close_timeout=EXTERNAL_ATTEMPT if outside else LOCAL_ATTEMPT,
            schedule_to_close_timeout=total,
            retry_policy=_PATIENT,
            summary=what or command.summary(),
        )
