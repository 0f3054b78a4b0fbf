"""A line has known members only, and of an error where it arose, never its words: whoever logs."""

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
from telemetry.logs import MEMBERS, LogFormat, formatter, place_of
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
    said = formatter(written).format(record)
    assert not find_canaries(said.encode())
    return said


def members(record: logging.LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line(record))
    assert set(told) <= set(MEMBERS)
    return told


@pytest.mark.parametrize("written", LogFormat)
@pytest.mark.parametrize(
    "name", ["uvicorn.error", "temporalio.worker", "sqlalchemy.pool", "alembic", "activities.support.errors"]
)
def test_the_words_of_an_exception_are_not_logged_and_its_place_is(name: str, written: LogFormat) -> None:
    record = logging.LogRecord(name, logging.ERROR, "", 0, "Exception in %s\n", ("app",), caught())
    assert "ValueError in broken (" in line(record, written)
    assert "Exception in app" in line(record, written)


def test_nor_where_they_stand_in_a_message() -> None:
    _, error, _ = caught()
    unfit = members(logging.LogRecord("asyncio", logging.ERROR, "", 0, "%d broke", (error,), None))
    assert unfit["event"] == "%d broke"
    for message, arguments in (("broke: %s", (error,)), (error, ()), (f"Task failed\nfuture: {error!r}", ())):
        told = members(logging.LogRecord("asyncio", logging.ERROR, "", 0, message, arguments, None))
        assert told["event"] in {f"broke: {place_of(error)}", place_of(error), "Task failed"}


def test_an_unknown_member_is_dropped_and_so_is_what_a_known_one_must_not_hold() -> None:
    record = logging.LogRecord("api", logging.INFO, "", 0, "asked", (), None)
    vars(record).update(traveller=FAMILY, order="26-100000", code={"name": FAMILY}, error=caught()[1])
    told = members(record)
    assert (told["order"], told["code"]) == ("26-100000", "dict")
    assert told["error"].startswith("ValueError in broken (")
    assert "traveller" not in told


def test_the_ids_of_a_workflow_are_members() -> None:
    record = logging.LogRecord("temporalio.workflow", logging.WARNING, "", 0, "goes on", (), None)
    vars(record).update(temporal_workflow={"workflow_id": "order/26-100000", "update_id": "c1", "run_id": "r"})
    told = members(record)
    assert (told["workflow"], told["order"], told["change"]) == ("order/26-100000", "26-100000", "c1")


class Doing(ActivityInboundInterceptor):
    """A step that answers or breaks, in place of the SDK."""

    def __init__(self, *ends: PlanChangeResult | Exception) -> None:
        self.ends = list(ends)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        match self.ends.pop(0):
            case Exception() as error:
                raise error
            case answer:
                return answer


async def attempted(*ends: PlanChangeResult | Exception) -> None:
    """Attempt a step of one change as the worker does, once for each end."""
    chain = StepMetricsInterceptor().intercept_activity(FailureInterceptor().intercept_activity(Doing(*ends)))
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_type=StepName.PLAN_CHANGE, attempt=2)
    for _ in ends:
        given = ExecuteActivityInput(
            fn=print, args=[PlanChangeCommand(change="c1", order="26-1")], executor=None, headers={}
        )
        await asyncio.gather(environment.run(chain.execute_activity, given), return_exceptions=True)


async def test_a_step_that_breaks_is_logged_once_with_the_ids_it_belongs_to() -> None:
    told: list[dict[str, Any]] = []

    class Reading(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(members(record))

    ours, reading = logging.getLogger("activities"), Reading()
    ours.addHandler(reading)
    await attempted(
        PlanChangeResult(correlation_id="k-1"), SoldOut(), ApplicationError("x", type="X"), ValueError(FAMILY)
    )
    ours.removeHandler(reading)
    (said,) = told
    assert said["event"] == "step broke"
    ids = {"order": "26-1", "change": "c1", "step": StepName.PLAN_CHANGE, "attempt": 2, "correlation_id": "k-1"}
    assert said.items() >= ids.items()
    assert said["error"] == "ValueError"


def test_a_librarys_warning_is_a_line_like_any_other() -> None:
    warns = "import warnings; from telemetry import logs; logs.configure(logs.LogFormat.JSON); warnings.warn('old')"
    ran = subprocess.run([sys.executable, "-c", warns], capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    (told,) = [json.loads(each) for each in ran.stderr.splitlines()]
    assert told["logger"] == "py.warnings"
    assert "UserWarning: old" in told["event"]
