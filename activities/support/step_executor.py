"""Runs steps so that each happens at most once per key, however often and however late it is called."""

import logging
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.errors import WithdrawnError, dump_refusal, load_refusal, raise_too_late, refusal_in
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Final, Nothing, Reversible, Step
from domain.changes import ChangeState
from domain.dual_control import TEMPORAL
from domain.refusals import Refusal
from providers.errors import ProviderError
from store.changes import changes, step_records
from store.changes.step_records import RecordedState, StepState
from store.orders.events import Data, EventType, append
from store.orders.orders import lock_order, write_order
from store.tables import OrderRow, StepRecordRow

log = logging.getLogger(__name__)

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)


class StepExecutor:
    """At most one effect per key: its record is started, then done or withdrawn, and its first result stays.

    A caller with the same key gets that first result, or the refusal, again.
    """

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self._store = context.store

    def run(self, step: Step[C, R], command: C) -> R:
        """Run a step: call its provider under the command's key and record the result.

        If its `precheck` raises, the provider is not called. An embedded provider joins the transaction. For an
        external one, STARTED is committed before the call and DONE after it; if the key was withdrawn meanwhile, the
        call is undone at once. Raises the first refusal of the step again, WithdrawnError under a withdrawn
        key, and RefusedTooLateError when a final step is refused, which is never recorded.
        """
        try:
            run = self._run_external if step.calls_outside(self.context) else self._run_embedded
            return run(step, command)
        except (Refusal, ProviderError) as error:
            if isinstance(step, Final):
                raise_too_late(error)
            return self._record_refusal(step, command, error)

    def _run_embedded(self, step: Step[C, R], command: C) -> R:
        """Run the step in one transaction, which begins by reading the step's record and ends by writing it."""
        while True:
            # After a concurrent duplicate, the next iteration finds its record.
            with suppress(step_records.ConcurrentDuplicateError), self._store.write() as tx:
                order, step_record = step_records.lock_order_and_step(tx, command)
                first = _first_result(step_record, step) if step_record else None
                if first is not None:
                    return first
                step.precheck(self.context, tx, order, command)
                response = step.call(self.context, order, command)
                result = step.record(self.context, tx, order, command, response)
                self._record_done_by_hand(tx, order, command)
                tx.flush()
                write_order(tx, order)
                now = self._store.now()
                step_records.record_done(
                    tx, order.tenant, command, result.model_dump_json(), now, started=step_record is not None
                )
                return result

    def _run_external(self, step: Step[C, R], command: C) -> R:
        with self._store.write() as tx:
            order, step_record, fresh = self._record_started(tx, command)
            first = _first_result(step_record, step)
            # A step that was started before has passed its precheck then, and may hold seats by now.
            if fresh:
                step.precheck(self.context, tx, order, command)
        if first is not None:
            return first
        if not fresh:
            self._before_retry(step, order, command)
        response = step.call(self.context, order, command)
        with self._store.write() as tx:
            order, step_record, _ = self._record_started(tx, command)
            if step_record.state != StepState.WITHDRAWN:
                first = _first_result(step_record, step)
                return first if first is not None else self._record_done(tx, order, step, command, response)
        if isinstance(step, Reversible):
            try:
                step.undo_call(self.context, order, command)
            except (Refusal, ProviderError) as error:
                raise_too_late(error)
        raise WithdrawnError

    def _before_retry(self, step: Step[C, R], order: OrderRow, command: C) -> None:
        try:
            step.before_retry(self.context, order, command)
        except Exception as error:  # noqa: BLE001 - the call may have been made already: it must be repeated anyway
            log.warning("retry not prepared", extra={"code": type(error).__name__})

    def undo(self, step: Reversible[C, R], command: C) -> Nothing:
        """Withdraw a step's key permanently, and undo the step's effects, if it had any.

        Raises RefusedTooLateError when the provider refuses: an undo cannot be refused.
        """
        external = step.calls_outside(self.context)
        by_hand = command.done_by_hand_reason is not None
        try:
            order = self._withdraw(step, command, call=not external and not by_hand)
            if external and not by_hand:
                step.undo_call(self.context, order, command)
        except (Refusal, ProviderError) as error:
            raise_too_late(error)
        return Nothing()

    def _withdraw(self, step: Reversible[C, R], command: C, *, call: bool) -> OrderRow:
        """Withdraw the key and revert our own rows; an embedded provider is called in the same transaction."""
        with self._store.write() as tx:
            order = lock_order(tx, command.order)
            now = self._store.now()
            before, step_record = step_records.withdraw(tx, order.tenant, command.step, command, now)
            if before is StepState.DONE and step_record.result is not None:
                result = step.result_type.model_validate_json(step_record.result)
                step.revert(self.context, tx, order, command, result)
            if call:
                step.undo_call(self.context, order, command)
            self._record_done_by_hand(tx, order, command)
            changes.set_state(tx, command.change, ChangeState.UNDOING)
        return order

    def _record_started(self, tx: Session, command: Command) -> tuple[OrderRow, StepRecordRow, bool]:
        order = lock_order(tx, command.order)
        return order, *step_records.record_started(tx, order.tenant, command.step, command, self._store.now())

    def _record_done(self, tx: Session, order: OrderRow, step: Step[C, R], command: C, response: Any) -> R:
        result = step.record(self.context, tx, order, command, response)
        step_records.finish(tx, command.key, result.model_dump_json(), None, self._store.now())
        self._record_done_by_hand(tx, order, command)
        return result

    def _record_done_by_hand(self, tx: Session, order: OrderRow, command: Command) -> None:
        if command.done_by_hand_reason is not None:
            actor, *earlier = command.done_by_hand_by or (TEMPORAL,)
            confirmed: Data = {"confirmed_by": earlier} if earlier else {}
            data = {"step": command.step, "reason": command.done_by_hand_reason, "actor": actor, **confirmed}
            append(tx, order, EventType.DONE_BY_HAND, command.change, self._store.now(), data)

    def _record_refusal(self, step: Step[C, R], command: C, error: Refusal | ProviderError) -> R:
        refusal = refusal_in(error) if isinstance(error, ProviderError) else error
        if refusal is None:
            raise error
        with self._store.write() as tx:
            _, step_record, _ = self._record_started(tx, command)
            first = _first_result(step_record, step)
            if first is not None:
                return first
            step_records.finish(tx, step_record.key, None, dump_refusal(refusal), self._store.now())
        raise refusal


def _first_result(step_record: StepRecordRow | RecordedState, step: Step[C, R]) -> R | None:
    if step_record.state == StepState.WITHDRAWN:
        raise WithdrawnError
    if step_record.state != StepState.DONE:
        return None
    if step_record.refusal is not None:
        if isinstance(step, Final):
            return None  # recorded by a release in which it could be refused: it is asked again
        raise load_refusal(step_record.refusal)
    return step.result_type.model_validate_json(step_record.result or "")
