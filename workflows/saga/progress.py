"""What a run shows to whoever looks: the steps of the request under way, what was served before, what is stuck."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import FailureError

from temporal.messages import StepShown, Stuck
from temporal.search_attributes import NEEDS_ATTENTION, STUCK_STEP
from workflows.saga.error_codes import code_of

# The page is fetched by the Web UI within a URL: it must stay short.
MOST_TOLD = 6


@dataclass
class Shown:
    """One request: what was asked, its steps, and how it ended."""

    request: str | None = None
    kind: str | None = None
    asked: str = ""
    steps: list[StepShown] = field(default_factory=list)
    ended: str | None = None


class Board:
    """Keeps the request under way, and those before it."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.now = Shown()
        self.before: deque[Shown] = deque(maxlen=MOST_TOLD)
        self.stuck: Stuck | None = None

    def clear(self, request: str, kind: str) -> None:
        """Begin the steps of another request."""
        if self.now.ended:
            self.before.append(self.now)
        self.now = Shown(request, kind)

    def back_to(self, shown: Shown) -> None:
        """Go on with a request that others came before of."""
        if self.now.ended:
            self.before.append(self.now)
        self.now = shown

    def asks(self, words: str) -> None:
        """Show what the request under way asks for."""
        self.now.asked = words

    def ended(self, state: str, code: str | None) -> None:
        """Show how the request under way ended."""
        self.now.ended = f"{state}: {code}" if code else state
        self._changed()

    @contextmanager
    def doing(self, step: str, what: str) -> Iterator[None]:
        """Show a step as under way until the block ends, then how it ended."""
        shown = StepShown(step=step, what=what, state="under way")
        self.now.steps.append(shown)
        self._changed()
        # Not `finally`: the coroutine of a run that is gone is thrown away outside of any workflow.
        try:
            yield
        except (FailureError, asyncio.CancelledError) as error:
            shown.state = f"failed: {code_of(error)}" if isinstance(error, FailureError) else shown.state
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
