"""What a run shows to whoever looks: the steps of the request under way, what was served before, what is stuck."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import FailureError

from temporal.messages import StepProgress, StuckStep
from temporal.search_attributes import NEEDS_ATTENTION, STUCK_STEP
from workflows.saga.error_codes import error_code

# The page is fetched by the Web UI within a URL: it must stay short.
MAX_SHOWN = 6


@dataclass
class RequestProgress:
    """One request: what was asked, its steps, and how it ended."""

    request: str | None = None
    kind: str | None = None
    summary: str = ""
    steps: list[StepProgress] = field(default_factory=list)
    ended: str | None = None


class ProgressTracker:
    """Keeps the request under way, and those before it."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.current = RequestProgress()
        self.previous: deque[RequestProgress] = deque(maxlen=MAX_SHOWN)
        self.stuck: StuckStep | None = None

    def begin(self, request: str, kind: str) -> None:
        """Begin the steps of another request."""
        if self.current.ended:
            self.previous.append(self.current)
        self.current = RequestProgress(request, kind)

    def resume(self, shown: RequestProgress) -> None:
        """Go on with a request that others came before of."""
        if self.current.ended:
            self.previous.append(self.current)
        self.current = shown

    def set_summary(self, words: str) -> None:
        """Show what the request under way asks for."""
        self.current.summary = words

    def ended(self, state: str, code: str | None) -> None:
        """Show how the request under way ended."""
        self.current.ended = f"{state}: {code}" if code else state
        self._changed()

    @contextmanager
    def step(self, step: str, what: str) -> Iterator[None]:
        """Show a step as under way until the block ends, then how it ended."""
        shown = StepProgress(step=step, description=what, state="running")
        self.current.steps.append(shown)
        self._changed()
        # Not `finally`: the coroutine of a run that is gone is thrown away outside of any workflow.
        try:
            yield
        except (FailureError, asyncio.CancelledError) as error:
            shown.state = f"failed: {error_code(error)}" if isinstance(error, FailureError) else shown.state
            self._changed()
            raise
        shown.state = "done"
        self._changed()

    @contextmanager
    def attention(self, step: str, what: str, code: str) -> Iterator[StuckStep]:
        """Call an operator until the block ends."""
        self.stuck = StuckStep(step=step, description=what, since=workflow.now(), code=code)
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(True), STUCK_STEP.value_set(step)])
        self._changed()
        try:
            yield self.stuck
        finally:
            self.stuck = None
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(False), STUCK_STEP.value_unset()])

    def set_unsettled(self, words: tuple[str, ...]) -> None:
        """Show what is left of the request that is stuck."""
        if self.stuck:
            self.stuck.unsettled = words
            self._changed()

    def failed_again(self, code: str) -> None:
        """Note the latest reason of a stuck step."""
        if self.stuck:
            self.stuck.code = code
