"""What a run shows to whoever looks: the steps of the request under way, and what is stuck."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.messages import StepShown, Stuck
from workflows.names import NEEDS_ATTENTION, STUCK_STEP


class Board:
    """Keeps the steps of one request after the other."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.request: str | None = None
        self.kind: str | None = None
        self.steps: list[StepShown] = []
        self.stuck: Stuck | None = None

    def clear(self, request: str, kind: str) -> None:
        """Begin the steps of another request."""
        self.request, self.kind, self.steps = request, kind, []

    @contextmanager
    def doing(self, step: str, what: str) -> Iterator[None]:
        """Show a step as under way until the block ends, then how it ended."""
        shown = StepShown(step=step, what=what, state="under way")
        self.steps.append(shown)
        self._changed()
        # Not `finally`: the coroutine of a run that is gone is thrown away outside of any workflow.
        try:
            yield
        except (FailureError, asyncio.CancelledError) as error:
            shown.state = "failed" if isinstance(error, FailureError) else shown.state
            self._changed()
            raise
        shown.state = "done"
        self._changed()

    @contextmanager
    def attention(self, step: str, what: str, code: str) -> Iterator[Stuck]:
        """Call an operator until the block ends."""
        self.stuck = Stuck(step=step, what=what, since=workflow.now(), code=code)
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(True), STUCK_STEP.value_set(step)])
        self._changed()
        try:
            yield self.stuck
        finally:
            self.stuck = None
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(False), STUCK_STEP.value_unset()])

    def left(self, words: tuple[str, ...]) -> None:
        """Show what is left of the request that is stuck."""
        if self.stuck:
            self.stuck.left = words
            self._changed()

    def failed_again(self, code: str) -> None:
        """Note the latest reason of a stuck step."""
        if self.stuck:
            self.stuck.code = code
