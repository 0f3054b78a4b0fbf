"""Calls of an external provider that only ask: each has a deadline, and few wait at once.

A provider that hangs therefore costs its callers one deadline each, and no more threads than it may have. Calls that
hold, sell or move money are not made in this way: a step repeats them under their key until it knows their outcome.
"""

import contextvars
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

from providers.errors import ProviderAnswerWrongError, ProviderUnavailableError
from telemetry.metrics import PROVIDER_SECONDS
from telemetry.stopwatch import Stopwatch

log = logging.getLogger(__name__)

T = TypeVar("T")
_SECOND = 1_000_000_000
"""In nanoseconds."""


class CallResult(StrEnum):
    """How a call ended: the label `result` of its metric."""

    DONE = "done"
    FAILED = "failed"
    """The provider raised an error."""
    INVALID = "invalid"
    """Its answer violates the protocol or the rules of a catalogue."""
    LATE = "late"
    """It did not answer by the deadline."""
    FULL = "full"
    """It was not asked: as many calls as may wait for it were waiting."""


class _End(NamedTuple):
    result: CallResult
    answer: object = None
    error: Exception | None = None


@dataclass
class _SharedDeadline:
    at: int | None = None
    """On the monotonic clock, in nanoseconds; None until the first call."""


_SHARED: ContextVar[_SharedDeadline | None] = ContextVar("shared_deadline", default=None)


@contextmanager
def one_deadline() -> Iterator[None]:
    """Let all calls in the block end by the deadline of the first, so that a caller waits for one deadline in all."""
    if _SHARED.get() is not None:
        yield
        return
    token = _SHARED.set(_SharedDeadline())
    try:
        yield
    finally:
        _SHARED.reset(token)


class BoundedCalls:
    """Calls of one provider by this process, at most so many at once, each in a thread of its own.

    A call that has missed its deadline keeps its place until it ends, so that no more than these threads ever wait.
    """

    def __init__(self, provider: str, timeout: timedelta, at_once: int, in_transaction: Callable[[], bool]) -> None:
        self.provider = provider
        self.unavailable = False
        """Whether the call that ended last gave no usable answer."""
        self._timeout = timeout // timedelta(microseconds=1) * 1000
        self._places = threading.BoundedSemaphore(at_once)
        self._in_transaction = in_transaction

    def call(self, act: str, ask: Callable[[], T]) -> T:
        """Return what the provider answers; `ask` calls it, or raises ProviderAnswerWrongError if that cannot be so.

        Raises ProviderUnavailableError for every failure. RuntimeError within a transaction: none may wait for an
        external provider.
        """
        if self._in_transaction():
            raise RuntimeError("an external provider is never asked within a transaction")
        stopwatch = Stopwatch()
        end = self._ask(ask)
        stopwatch.stop()
        PROVIDER_SECONDS.labels(self.provider, act, end.result).observe(stopwatch.seconds)
        if end.result is not CallResult.FULL:
            self.unavailable = end.result is not CallResult.DONE
        if end.result is not CallResult.DONE:
            log.warning(
                "provider unavailable",
                exc_info=end.error,
                extra={"kind": self.provider, "action": act, "outcome": end.result.value},
            )
            raise ProviderUnavailableError(f"{self.provider}, {act}: {end.result}") from None
        answer: T = end.answer  # type: ignore[assignment] # what `ask` returned
        return answer

    def _ask(self, ask: Callable[[], T]) -> _End:
        remaining = self._remaining()
        if remaining <= 0:
            return _End(CallResult.LATE)
        if not self._places.acquire(blocking=False):
            return _End(CallResult.FULL)
        ended: queue.SimpleQueue[_End] = queue.SimpleQueue()

        def run() -> None:
            try:
                end = _attempt(ask)
            finally:
                self._places.release()
            # Its place is free by then: the caller's next call must not find it taken.
            ended.put(end)

        # A daemon, so that a provider that never answers does not keep the process from ending.
        thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name=self.provider)
        try:
            thread.start()
        except RuntimeError as error:
            self._places.release()
            return _End(CallResult.FAILED, error=error)
        try:
            return ended.get(timeout=remaining / _SECOND)
        except queue.Empty:
            return _End(CallResult.LATE)

    def _remaining(self) -> int:
        """Return how long a call may take, in nanoseconds."""
        shared = _SHARED.get()
        if shared is None:
            return self._timeout
        if shared.at is None:
            shared.at = time.monotonic_ns() + self._timeout
        return shared.at - time.monotonic_ns()


def _attempt(ask: Callable[[], object]) -> _End:
    try:
        return _End(CallResult.DONE, ask())
    except ProviderAnswerWrongError as error:
        return _End(CallResult.INVALID, error=error)
    except Exception as error:  # noqa: BLE001 - a provider of others may raise anything; the caller gets one fault
        return _End(CallResult.FAILED, error=error)
