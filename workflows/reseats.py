"""The reseats of an order's changes that are stuck after their point of no return, as far as a run knows them."""

from datetime import timedelta

from temporalio.exceptions import FailureError

from activities.outcomes import RECORD_OUTCOME, RecordOutcomeCommand
from activities.plans import OperatorRequest
from activities.reseats import BEGIN_RESEAT, HOLD_OTHER_SEATS, BeginReseatCommand, ReseatCommand
from activities.seats import ConfirmSeatsCommand
from activities.support.step_kinds import Command
from domain.changes import ChangeState
from domain.reseats import BegunReseat
from temporal.messages import RequestResult
from workflows.saga.error_codes import error_code, is_refusal, newer_worker_error
from workflows.saga.step_runner import StepRunner
from workflows.stuck_changes import begin_beside_stuck_step

# For the inventory to answer an attempt that is under way: longer than one attempt at an external provider.
ANSWER_EXPECTED = timedelta(seconds=25)


class Reseats:
    """Begins reseats and holds other seats; the flow of the stuck change then goes on under the next key.

    `by_itself`: whether a change whose seats are gone is reseated once before an operator is called.
    """

    def __init__(self, order: str, runner: StepRunner, *, by_itself: bool) -> None:
        self._order = order
        self._runner = runner
        self._numbers: dict[str, int] = {}
        self._ended: dict[str, RequestResult] = {}
        if by_itself:
            runner.before_attention = self._begin_by_itself

    def number_of(self, change: str) -> int:
        """Return the number of a change's latest reseat that this run knows; 0 for none."""
        return self._numbers.get(change, 0)

    def result_of(self, request: str) -> RequestResult | None:
        """Return how a request for a reseat ended, or None while this run does not know."""
        return self._ended.get(request)

    async def begin(self, request: str, operator_request: OperatorRequest | None) -> RequestResult | None:
        """Begin a reseat beside the step that is stuck; return its result if it is refused."""
        command = BeginReseatCommand(change=request, order=self._order, operator_request=operator_request)
        begun = await begin_beside_stuck_step(self._runner, BEGIN_RESEAT, command)
        return begun if isinstance(begun, RequestResult) else None

    async def _begin_by_itself(self, command: Command) -> bool:
        """Begin a reseat of a change whose seats the provider calls gone; return whether it has begun."""
        if not isinstance(command, ConfirmSeatsCommand) or command.reseat:
            return False
        begin = BeginReseatCommand(change=command.change, order=self._order, by_itself=True)
        try:
            begun = await self._runner.run_beside(BEGIN_RESEAT, begin, ANSWER_EXPECTED)
        except FailureError:
            return False  # an operator decides
        return not begun.left_to_newer_worker

    async def serve(self, request: str) -> RequestResult:
        """Serve a request for a reseat: begin it, unless it has begun, and finish it. Raises FailureError if refused.

        The stuck change itself is served by another turn.
        """
        ended = self._ended.get(request)
        if ended:
            return ended
        begun = await self._runner.run_until_known(BEGIN_RESEAT, BeginReseatCommand(change=request, order=self._order))
        if begun.left_to_newer_worker:
            raise newer_worker_error()
        if begun.reseat is None:
            return RequestResult(change=request, state=begun.already_ended or ChangeState.REFUSED, code=begun.code)
        return await self.finish(BegunReseat(request=request, reseat=begun.reseat))

    async def finish(self, begun: BegunReseat) -> RequestResult:
        """Hold other seats, and record the outcome of the request. If none are left the change stays as it was.

        Raises FailureError FINAL_WITHDRAWN when a reversal has begun meanwhile.
        """
        reseat, state, code = begun.reseat, ChangeState.DONE, None
        self._numbers[reseat.change] = reseat.number
        of_reseat = {"number": reseat.number, "seats": reseat.seats, "units": reseat.units}
        try:
            await self._runner.run_until_known(
                HOLD_OTHER_SEATS, ReseatCommand(change=reseat.change, order=self._order, **of_reseat)
            )
        except FailureError as failure:
            if not is_refusal(failure):
                raise
            state, code = ChangeState.REFUSED, error_code(failure)
        if begun.request == reseat.change:
            return RequestResult(change=begun.request, state=state, code=code)
        outcome = RecordOutcomeCommand(change=begun.request, order=self._order, state=state, code=code)
        recorded = await self._runner.run_final(RECORD_OUTCOME, outcome)
        result = RequestResult(change=begun.request, state=recorded.state, code=recorded.code)
        self._ended[begun.request] = result
        return result
