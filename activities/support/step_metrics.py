"""Records duration and result of each activity attempt, and binds order and change ids to its log records."""

import asyncio
from collections import OrderedDict
from typing import Any

from sqlalchemy import exc
from structlog.contextvars import bound_contextvars
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.support.errors import WITHDRAWN
from activities.support.step_kinds import Command
from domain.refusals import all_refusals
from providers.errors import ProviderError
from store.database.connections import StoreBusyError
from telemetry.metrics import STEP_FAILURES, STEP_SECONDS
from temporal.names import RECOVERY_REQUIRED, REFUSED_TOO_LATE

_REFUSED = frozenset((*all_refusals(), RECOVERY_REQUIRED))
_DATABASE = (exc.OperationalError, exc.IntegrityError, exc.InternalError, exc.ProgrammingError, exc.TimeoutError)
_FAULTS = {
    kind.__name__
    for kind in (*_DATABASE, *ProviderError.__subclasses__(), StoreBusyError, OSError, asyncio.CancelledError)
} | {REFUSED_TOO_LATE}
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
        info, clock = activity.info(), asyncio.get_running_loop().time
        command = next((each for each in input.args if isinstance(each, Command)), None)
        step, began, result = info.activity_type, clock(), "done"
        try:
            with bound_contextvars(step=step, attempt=info.attempt, **self._ids(command)):
                answer = await super().execute_activity(input)
        except BaseException as error:
            result, reason = classify(error)
            STEP_FAILURES.labels(step, result, reason).inc()
            raise
        finally:
            STEP_SECONDS.labels(step, result).observe(clock() - began)
        # Only the plan of a change has one: read by name, so that the steps' support imports no step.
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


def classify(error: BaseException) -> tuple[str, str]:
    """Return the result of a failed attempt (refused, withdrawn or fault), and its code or type."""
    code = error.type or "" if isinstance(error, ApplicationError) else type(error).__name__
    if code in _REFUSED:
        return "refused", code
    if code == WITHDRAWN:
        return "withdrawn", code
    return "fault", code if code in _FAULTS else OTHER
