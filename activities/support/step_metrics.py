"""Times every attempt at a step, says how it ended, and gives what is logged meanwhile the ids it belongs to."""

import asyncio
from collections import OrderedDict
from typing import Any

from sqlalchemy import exc
from structlog.contextvars import bound_contextvars
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.plans import PlanChangeResult
from activities.support.errors import WITHDRAWN
from activities.support.step_kinds import Command
from domain.refusals import all_refusals
from providers.errors import ProviderError
from store.database.connections import StoreBusyError
from telemetry.metrics import STEP_FAILURES, STEP_SECONDS
from temporal.names import RECOVERY_REQUIRED

_REFUSED = frozenset((*all_refusals(), RECOVERY_REQUIRED))
_DATABASE = (exc.OperationalError, exc.IntegrityError, exc.InternalError, exc.ProgrammingError, exc.TimeoutError)
_FAULTS = {
    kind.__name__
    for kind in (*_DATABASE, *ProviderError.__subclasses__(), StoreBusyError, OSError, asyncio.CancelledError)
}
OTHER = "other"
"""Any fault whose type is not one of those that are known: a label has few values."""
MOST_REMEMBERED = 1000

Asked = OrderedDict[str, str]


class StepMetricsInterceptor(Interceptor):
    """Observes every activity, local ones included; stands outside of what translates failures.

    A correlation id is known from the plan of its change: to ask the store at every step would cost more than it tells.
    """

    def __init__(self) -> None:
        self._asked: Asked = OrderedDict()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap every activity."""
        return _MeasuresSteps(next, self._asked)


class _MeasuresSteps(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, options: Asked) -> None:
        super().__init__(inner)
        self._asked = options

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
        if command and isinstance(answer, PlanChangeResult) and answer.correlation_id:
            self._remember(command.change, answer.correlation_id)
        return answer

    def _ids(self, command: Command | None) -> dict[str, str]:
        if command is None:
            return {}
        ids = {"order": command.order, "change": command.change, "correlation_id": self._asked.get(command.change, "")}
        return {name: each for name, each in ids.items() if each}

    def _remember(self, change: str, correlation_id: str) -> None:
        self._asked[change] = correlation_id
        if len(self._asked) > MOST_REMEMBERED:
            self._asked.popitem(last=False)


def classify(error: BaseException) -> tuple[str, str]:
    """Return how an attempt ended that raised this, and why: refused, withdrawn or fault, and its code or type."""
    code = error.type or "" if isinstance(error, ApplicationError) else type(error).__name__
    if code in _REFUSED:
        return "refused", code
    if code == WITHDRAWN:
        return "withdrawn", code
    return "fault", code if code in _FAULTS else OTHER
