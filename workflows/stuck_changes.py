"""Begins a way out of a stuck change, a reversal or a reseat, beside the step that is stuck."""

from typing import TypeVar

from temporalio.exceptions import FailureError

from activities.outcomes import RECORD_OUTCOME, RecordOutcomeCommand
from activities.reseats import BeginReseatResult
from activities.reversals import BeginReversalResult
from activities.support.step_kinds import Command, Pivot
from domain.changes import ChangeState
from temporal.messages import RequestResult
from workflows.saga.error_codes import error_code, newer_worker_error
from workflows.saga.step_runner import StepRunner

C = TypeVar("C", bound=Command)
B = TypeVar("B", BeginReversalResult, BeginReseatResult)


async def begin_beside_stuck_step(runner: StepRunner, step: Pivot[C, B], command: C) -> B | RequestResult:
    """Run the first step of a way out, after which the stuck step finds its key withdrawn.

    Return its result, or that of the request if it is refused. Raises FailureError for a request that was left to a
    newer worker: nothing has happened.
    """
    try:
        begun = await runner.run_beside(step, command)
    except FailureError as failure:
        about = {"change": command.change, "order": command.order}
        refused = RecordOutcomeCommand(**about, state=ChangeState.REFUSED, code=error_code(failure))
        recorded = await runner.run_beside(RECORD_OUTCOME, refused)
        return RequestResult(change=command.change, state=recorded.state, code=recorded.code)
    if begun.left_to_newer_worker:
        raise newer_worker_error()
    runner.retry_stuck_step()
    return begun
