"""Records duration and result of each activity attempt and of each step in a group; binds ids to log records."""

import asyncio
from collections import OrderedDict
from typing import Any

from sqlalchemy import exc
from structlog.contextvars import bound_contextvars
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.support.errors import fault_code, refusal_in
from activities.support.step_kinds import Command
from domain.refusals import Refusal, all_refusals
from providers.errors import ProviderError
from store.database.connections import StoreBusyError
from telemetry.metrics import STEP_FAILURES, STEP_SECONDS
from telemetry.stopwatch import Stopwatch
from temporal.names import (
    ANSWERS_DIFFER,
    PROVIDER_ANSWER_WRONG,
    PROVIDER_PENDING,
    PROVIDER_UNAVAILABLE,
    RECOVERY_REQUIRED,
    REFUSED_TOO_LATE,
    WITHDRAWN,
)

_REFUSED = frozenset((*all_refusals(), RECOVERY_REQUIRED))
_DATABASE = (exc.OperationalError, exc.IntegrityError, exc.InternalError, exc.ProgrammingError, exc.TimeoutError)
_FAULTS = {
    kind.__name__
    for kind in (*_DATABASE, *ProviderError.__subclasses__(), StoreBusyError, OSError, asyncio.CancelledError)
} | {REFUSED_TOO_LATE, PROVIDER_UNAVAILABLE, PROVIDER_ANSWER_WRONG, PROVIDER_PENDING, ANSWERS_DIFFER}
OTHER = "other"
"""The label of a fault whose type is not in the list, so that the label has few values."""
MAX_REMEMBERED = 1000

CorrelationIds = OrderedDict[str, str]


class StepMetricsInterceptor(Interceptor):
    """Measures every activity, local ones included. It wraps FailureInterceptor, so it sees translated failures.

    It remembers a change's correlation id from the result of its plan: reading it from the store at every step would
    cost more than it is worth.
    """

    def __init__(self) -> None:
        self._correlation_ids: CorrelationIds = OrderedDict()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap every activity."""
        return _MeasuresSteps(next, self._correlation_ids)


class _MeasuresSteps(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, correlation_ids: CorrelationIds) -> None:
        super().__init__(inner)
        self._correlation_ids = correlation_ids

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        info = activity.info()
        command = next((each for each in input.args if isinstance(each, Command)), None)
        timer = StepTimer(info.activity_type)
        with timer, bound_contextvars(step=info.activity_type, attempt=info.attempt, **self._ids(command)):
            answer = await super().execute_activity(input)
        timer.observe_done()
        # Only a plan and the first group of a change have one: read by name, so that no step is imported here.
        correlation_id = getattr(answer, "correlation_id", None)
        if command and correlation_id:
            self._remember(command.change, correlation_id)
        return answer

    def _ids(self, command: Command | None) -> dict[str, str]:
        if command is None:
            return {}
        ids = {
            "order": command.order,
            "change": command.change,
            "correlation_id": self._correlation_ids.get(command.change, ""),
        }
        return {name: each for name, each in ids.items() if each}

    def _remember(self, change: str, correlation_id: str) -> None:
        self._correlation_ids[change] = correlation_id
        if len(self._correlation_ids) > MAX_REMEMBERED:
            self._correlation_ids.popitem(last=False)


class StepTimer:
    """Measures one attempt: a failure at once, success when it is certain, for a step in a group after the commit."""

    def __init__(self, step: str) -> None:
        self._step = step
        self._stopwatch = Stopwatch()

    @property
    def milliseconds(self) -> int:
        """How long the step took."""
        return self._stopwatch.milliseconds

    def __enter__(self) -> None:
        """Begin the step."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """End the step; count it if it failed."""
        self._stopwatch.stop()
        if error is not None:
            result, reason = classify(error)
            STEP_FAILURES.labels(self._step, result, reason).inc()
            STEP_SECONDS.labels(self._step, result).observe(self._stopwatch.seconds)

    def observe_done(self) -> None:
        """Count the step as done."""
        STEP_SECONDS.labels(self._step, "done").observe(self._stopwatch.seconds)


def classify(error: BaseException) -> tuple[str, str]:
    """Return the result of a failed attempt (refused, withdrawn or fault), and its code or type."""
    code = error.type or "" if isinstance(error, ApplicationError) else fault_code(error)
    refusal = refusal_in(error) if isinstance(error, ProviderError) else error
    if isinstance(refusal, Refusal):
        return "refused", refusal.code
    if code in _REFUSED:
        return "refused", code
    if code == WITHDRAWN:
        return "withdrawn", code
    return "fault", code if code in _FAULTS else OTHER
