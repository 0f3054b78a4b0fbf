"""Every log line has known members only, and of an error its location, never its message."""

import asyncio
import json
import logging
import subprocess
import sys
from dataclasses import replace
from types import TracebackType
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.plans import PlanChangeCommand, PlanChangeResult
from activities.support.errors import FailureInterceptor
from activities.support.step_metrics import StepMetricsInterceptor
from domain.refusals import SoldOut
from telemetry.logs import MEMBERS, LogFormat, formatter, location_of
from temporal.names import StepName
from tests.support.canary import FAMILY, find_canaries

Caught = tuple[type[BaseException], BaseException, TracebackType | None]


def broken() -> None:
    raise ValueError(f"input_value={FAMILY}")


def caught() -> Caught:
    try:
        broken()
    except ValueError as error:
        return (ValueError, error, error.__traceback__)
    raise AssertionError


def line(record: logging.LogRecord, written: LogFormat = LogFormat.JSON) -> str:
    text = formatter(written).format(record)
    assert not find_canaries(text.encode())
    return text


def members(record: logging.LogRecord) -> dict[str, Any]:
    logged: dict[str, Any] = json.loads(line(record))
    assert set(logged) <= set(MEMBERS)
    return logged


@pytest.mark.parametrize("written", LogFormat)
@pytest.mark.parametrize(
    "name", ["uvicorn.error", "temporalio.worker", "sqlalchemy.pool", "alembic", "activities.support.errors"]
)
def test_the_message_of_an_exception_is_not_logged_but_its_location_is(name: str, written: LogFormat) -> None:
    record = logging.LogRecord(name, logging.ERROR, "", 0, "Exception in %s\n", ("app",), caught())
    assert "ValueError in broken (" in line(record, written)
    assert "Exception in app" in line(record, written)


def test_an_exception_as_an_argument_is_logged_without_its_message() -> None:
    _, error, _ = caught()
    unfit = members(logging.LogRecord("asyncio", logging.ERROR, "", 0, "%d broke", (error,), None))
    assert unfit["event"] == "%d broke"
    for message, arguments in (("broke: %s", (error,)), (error, ()), (f"Task failed\nfuture: {error!r}", ())):
        logged = members(logging.LogRecord("asyncio", logging.ERROR, "", 0, message, arguments, None))
        assert logged["event"] in {f"broke: {location_of(error)}", location_of(error), "Task failed"}


def test_unknown_members_and_values_of_other_types_are_dropped() -> None:
    record = logging.LogRecord("api", logging.INFO, "", 0, "received", (), None)
    vars(record).update(traveller=FAMILY, order="26-100000", code={"name": FAMILY}, error=caught()[1])
    logged = members(record)
    assert (logged["order"], logged["code"]) == ("26-100000", "dict")
    assert logged["error"].startswith("ValueError in broken (")
    assert "traveller" not in logged


def test_the_ids_of_a_workflow_are_members() -> None:
    record = logging.LogRecord("temporalio.workflow", logging.WARNING, "", 0, "continues", (), None)
    vars(record).update(temporal_workflow={"workflow_id": "order/26-100000", "update_id": "c1", "run_id": "r"})
    logged = members(record)
    assert (logged["workflow"], logged["order"], logged["change"]) == ("order/26-100000", "26-100000", "c1")


class Ends(ActivityInboundInterceptor):
    """A step that returns or raises the given ends, in place of the SDK."""

    def __init__(self, *ends: PlanChangeResult | Exception) -> None:
        self.ends = list(ends)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        match self.ends.pop(0):
            case Exception() as error:
                raise error
            case result:
                return result


async def attempt(*ends: PlanChangeResult | Exception) -> None:
    """Attempt a step of one change as the worker does, once for each end."""
    chain = StepMetricsInterceptor().intercept_activity(FailureInterceptor().intercept_activity(Ends(*ends)))
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_type=StepName.PLAN_CHANGE, attempt=2)
    for _ in ends:
        call = ExecuteActivityInput(
            fn=print, args=[PlanChangeCommand(change="c1", order="26-1")], executor=None, headers={}
        )
        await asyncio.gather(environment.run(chain.execute_activity, call), return_exceptions=True)


async def test_a_failed_step_is_logged_once_with_its_ids() -> None:
    lines: list[dict[str, Any]] = []

    class Reading(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(members(record))

    ours, reading = logging.getLogger("activities"), Reading()
    ours.addHandler(reading)
    await attempt(
        PlanChangeResult(correlation_id="k-1"), SoldOut(), ApplicationError("x", type="X"), ValueError(FAMILY)
    )
    ours.removeHandler(reading)
    (failed,) = lines
    assert failed["event"] == "step failed"
    ids = {"order": "26-1", "change": "c1", "step": StepName.PLAN_CHANGE, "attempt": 2, "correlation_id": "k-1"}
    assert failed.items() >= ids.items()
    assert failed["error"] == "ValueError"


def test_a_librarys_warning_is_a_line_like_any_other() -> None:
    script = "import warnings; from telemetry import logs; logs.configure(logs.LogFormat.JSON); warnings.warn('old')"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - our own script
    (logged,) = [json.loads(each) for each in ended.stderr.splitlines()]
    assert logged["logger"] == "py.warnings"
    assert "UserWarning: old" in logged["event"]
