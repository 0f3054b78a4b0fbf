"""The reversals of an order's changes that are stuck after their point of no return, as far as a run knows them."""

from activities.plans import OperatorRequest
from activities.reversals import (
    BEGIN_REVERSAL,
    END_REVERSAL,
    REFUND_CAPTURES,
    BeginReversalCommand,
    BeginReversalResult,
    EndReversalCommand,
    RefundCapturesCommand,
)
from domain.changes import ChangeState
from domain.orders import OrderStatus
from temporal.messages import RequestResult
from workflows.saga.error_codes import newer_worker_error
from workflows.saga.saga import Saga, recorded_undos
from workflows.saga.step_runner import StepRunner
from workflows.stuck_changes import begin_beside_stuck_step


class Reversals:
    """Begins reversals beside a stuck step, and finishes them: refunds, undoes the steps, and ends the change."""

    def __init__(self, order: str, runner: StepRunner) -> None:
        self._order = order
        self._runner = runner
        self._begun: dict[str, BeginReversalResult] = {}
        """Those that have begun beside a stuck step."""
        self._ended: set[str] = set()

    async def begin(self, request: str, operator_request: OperatorRequest | None) -> RequestResult | None:
        """Begin a reversal beside the request that is stuck; return its result if it is refused."""
        command = BeginReversalCommand(change=request, order=self._order, operator_request=operator_request)
        begun = await begin_beside_stuck_step(self._runner, BEGIN_REVERSAL, command)
        if isinstance(begun, RequestResult):
            return begun
        self._begun[request] = begun
        return None

    async def finish(self, request: str) -> tuple[RequestResult, OrderStatus | None]:
        """Finish a reversal, and begin it unless it has begun; return its result, and the order's status if it changed.

        The final steps of the change were withdrawn first, so it does not go forward any more. Raises FailureError for
        a refusal.
        """
        done = RequestResult(change=request, state=ChangeState.DONE)
        if request in self._ended:
            return done, None
        about = {"change": request, "order": self._order}
        begun = self._begun.pop(request, None)
        if begun is None:
            begun = await self._runner.run_until_known(BEGIN_REVERSAL, BeginReversalCommand(**about))
        if begun.left_to_newer_worker:
            raise newer_worker_error()
        if begun.already_ended:
            return RequestResult(change=request, state=begun.already_ended, code=begun.code), None
        if begun.captures:
            await self._runner.run_final(REFUND_CAPTURES, RefundCapturesCommand(**about, captures=begun.captures))
        await Saga(self._runner, recorded_undos(begun.steps)).unwind()
        command = EndReversalCommand(**about, reversed_change=begun.reversed_change)
        ended = await self._runner.run_final(END_REVERSAL, command)
        self._ended.add(request)
        return done, ended.status
