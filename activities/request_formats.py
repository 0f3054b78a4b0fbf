"""Checks whether this release knows the format of a request; it is retried until a worker does."""

from typing import ClassVar

from temporalio import activity

from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Nothing
from store.changes import changes
from temporal.names import StepName


class CheckFormatCommand(Command):
    """Check that a worker knows the format of a request."""

    step: ClassVar[str] = StepName.CHECK_FORMAT

    def summary(self) -> str:
        """Describe the check."""
        return "wait for a newer worker"


class RequestFormatActivities:
    """Checks the formats of stored requests."""

    def __init__(self, context: StepContext) -> None:
        self._store = context.store

    @activity.defn(name=StepName.CHECK_FORMAT, no_thread_cancel_exception=True)
    def check_format(self, command: CheckFormatCommand) -> Nothing:
        """Return if this release may carry out the request. Raises NewerWorkerNeededError; it changes nothing."""
        with self._store.read() as tx:
            changes.require_known(changes.existing(tx, command.change))
        return Nothing()
