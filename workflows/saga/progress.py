"""The progress of a run: the steps of the current request, earlier requests, and a stuck step."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError

from temporal.messages import StepProgress, StuckStep
from temporal.search_attributes import NEEDS_ATTENTION, STUCK_STEP
from workflows.saga.error_codes import error_code

# The Web UI fetches the page within a URL: it must stay short.
MAX_SHOWN = 6


@dataclass
class RequestProgress:
    """One request: its id and summary, its steps, and how it ended."""

    request: str | None = None
    kind: str | None = None
    summary: str = ""
    steps: list[StepProgress] = field(default_factory=list)
    ended: str | None = None


class ProgressTracker:
    """Tracks the current request, and the last few before it."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.current = RequestProgress()
        self.previous: deque[RequestProgress] = deque(maxlen=MAX_SHOWN)
        self.stuck: StuckStep | None = None

    def begin(self, request: str, kind: str) -> None:
        """Begin another request; keep the current one among the earlier ones if it has ended."""
        if self.current.ended:
            self.previous.append(self.current)
        self.current = RequestProgress(request, kind)

    def resume(self, request: RequestProgress) -> None:
        """Resume showing a request that recovery interrupted."""
        if self.current.ended:
            self.previous.append(self.current)
        self.current = request

    def set_summary(self, summary: str) -> None:
        """Show the summary of the current request."""
        self.current.summary = summary

    def ended(self, state: str, code: str | None) -> None:
        """Show how the current request ended."""
        self.current.ended = f"{state}: {code}" if code else state
        self._changed()

    @contextmanager
    def step(self, step: str, description: str) -> Iterator[None]:
        """Show a step as running until the block ends, then how it ended."""
        shown = self._show(step, description, "running")
        # Not `finally`: when a run is evicted, its coroutine is closed outside of any workflow.
        try:
            yield
        except (FailureError, asyncio.CancelledError) as error:
            shown.state = f"failed: {error_code(error)}" if isinstance(error, FailureError) else shown.state
            self._changed()
            raise
        shown.state = "done"
        self._changed()

    @contextmanager
    def group(self, group: str, description: str) -> Iterator[None]:
        """Show a group of steps as running until the block ends; then its steps are shown by themselves."""
        shown = self._show(group, description, "running")
        try:
            yield
        except FailureError:
            self.current.steps.remove(shown)
            raise
        self.current.steps.remove(shown)

    def show_step(self, step: str, description: str, state: str) -> None:
        """Show a step that has ended in a group."""
        self._show(step, description, state)

    def _show(self, step: str, description: str, state: str) -> StepProgress:
        shown = StepProgress(step=step, description=description, state=state)
        self.current.steps.append(shown)
        self._changed()
        return shown

    @contextmanager
    def attention(self, stuck: StuckStep) -> Iterator[None]:
        """Show a step as stuck, and the order as needing attention, until the block ends."""
        self.stuck = stuck
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(True), STUCK_STEP.value_set(stuck.step)])
        self._changed()
        try:
            yield
        except FailureError:
            _end_attention()
            raise
        finally:
            self.stuck = None
        _end_attention()

    def set_unsettled(self, items: tuple[str, ...]) -> None:
        """Show the unsettled items of the order whose step is stuck."""
        if self.stuck:
            self.stuck.unsettled = items
            self._changed()

    def failed_again(self, code: str, attempts: int, next_at: datetime) -> None:
        """Show the code of a stuck step's latest failure after more attempts, and when the next one is due."""
        if self.stuck:
            self.stuck.code, self.stuck.next_at = code, next_at
            self.stuck.attempts += attempts

    def tries_again(self) -> None:
        """Show that a stuck step is tried again."""
        if self.stuck:
            self.stuck.next_at = None


def _end_attention() -> None:
    workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(False), STUCK_STEP.value_unset()])
