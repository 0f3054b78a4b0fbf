"""Runs steps so that each happens at most once per key, however often and however late it is called."""

import logging
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.by_hand import record_done_by_hand
from activities.support.errors import WithdrawnError, dump_refusal, load_refusal, raise_too_late, refusal_in
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Final, Nothing, Reversible, Step
from domain.changes import ChangeState
from domain.refusals import Refusal
from providers.errors import ProviderError
from store.changes import changes, step_records
from store.changes.new_records import NewRecord
from store.changes.step_records import RecordedState, StepState
from store.database.documents import from_document, to_document
from store.orders.orders import lock_order, write_order
from store.tables import OrderRow, StepRecordRow

log = logging.getLogger(__name__)

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=BaseModel)


class StepExecutor:
    """At most one effect per key: its record is started, then done, and its first result stays until it is undone.

    A caller with the same key gets that first result, or the refusal, again.
    """

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self._store = context.store

    def run(self, step: Step[C, R], command: C) -> R:
        """Run a step: call its provider under the command's key and record the result.

        If its `precheck` raises, the provider is not called. An embedded provider joins the transaction. For an
        external one, STARTED is committed before the call and DONE after it; if the key was withdrawn meanwhile, the
        call is undone at once, and its record is WITHDRAWING until the provider has agreed. Raises the first refusal
        of the step again, WithdrawnError under a withdrawn key, and RefusedTooLateError when a final step is refused,
        which is never recorded.
        """
        command = self._without_false_statement(step, command)
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
                new = step.new_record(tx, order, command, response)
                result = step.record(self.context, tx, order, command, response)
                tx.flush()
                write_order(tx, order)
                now = self._store.now()
                step_records.record_done(
                    tx, order.tenant, new, to_document(result), now, started=step_record is not None
                )
                return result

    def _run_external(self, step: Step[C, R], command: C) -> R:
        with self._store.write() as tx:
            change = changes.of_id(tx, command.change)
            if change is not None:
                changes.require_known(change)
            order = lock_order(tx, command.order)
            found = step_records.find(tx, command.key)
            # A step that was started before has passed its precheck then, and may hold seats by now.
            if found is None:
                step.precheck(self.context, tx, order, command)
                step.freeze(self.context, tx, order, command)
            step_record = found or self._record_started(tx, order, step.new_record(tx, order, command))
            first = _first_result(step_record, step)
            final = first is None and isinstance(step, Final)
            attempt = step_records.begin_attempt(tx, step_record, self._store.now()) if final else None
        if first is not None:
            return first
        if found is not None:
            self._before_retry(step, order, command)
        response = self._call(step, order, command, attempt, again=found is not None)
        with self._store.write() as tx:
            order = lock_order(tx, command.order)
            step_record = step_records.of_key(tx, command.key)
            if not step_records.undo_begun(step_record.state):
                first = _first_result(step_record, step)
                return first if first is not None else self._record_done(tx, order, step, command, response)
        if isinstance(step, Reversible):
            self.undo(step, command)
        raise WithdrawnError

    def _call(
        self, step: Step[C, R], order: OrderRow, command: C, attempt: step_records.Attempt | None, *, again: bool
    ) -> Any:
        """Ask the provider; what is refused has not happened, while any other failure says nothing."""
        try:
            call = step.call_again if again else step.call
            return call(self.context, order, command)
        except (Refusal, ProviderError) as error:
            if attempt and (isinstance(error, Refusal) or refusal_in(error)):
                with self._store.write() as tx:
                    step_records.refuse_attempt(tx, command.key, attempt)
            raise

    def _before_retry(self, step: Step[C, R], order: OrderRow, command: C) -> None:
        try:
            step.before_retry(self.context, order, command)
        except Exception as error:  # noqa: BLE001 - the call may have been made already: it must be repeated anyway
            log.warning("retry not prepared", extra={"code": type(error).__name__})

    def undo(self, step: Reversible[C, R], command: C) -> Nothing:
        """Withdraw a step's key permanently, and undo the step's effects, if it had any.

        An external provider is asked after the key is withdrawn; our own rows and events follow its yes, so that they
        never say that something is free or paid back which is not. Raises RefusedTooLateError when the provider
        refuses: an undo cannot be refused.
        """
        command = self._without_false_statement(step, command)
        by_hand = command.done_by_hand_reason is not None
        call_first = step.calls_outside(self.context) and not by_hand
        try:
            if call_first:
                with self._store.write() as tx:
                    order, _ = self._begin_undo(tx, step, command)
                step.undo_call(self.context, order, command)
            with self._store.write() as tx:
                order, step_record = self._begin_undo(tx, step, command)
                if not call_first and not by_hand:
                    step.undo_call(self.context, order, command)
                self._revert(tx, order, step, command, step_record)
                record_done_by_hand(tx, order, command, step.undo_name, self._store.now())
                step_records.end_undo(tx, step_record, self._store.now())
        except (Refusal, ProviderError) as error:
            raise_too_late(error)
        return Nothing()

    def _begin_undo(self, tx: Session, step: Reversible[C, R], command: C) -> tuple[OrderRow, StepRecordRow]:
        order = lock_order(tx, command.order)
        changes.set_state(tx, command.change, ChangeState.UNDOING)
        step_record = step_records.find(tx, command.key)
        if step_record is None:
            new, now = step.new_record(tx, order, command), self._store.now()
            return order, step_records.record_withdrawing(tx, order.tenant, new, now)
        step_records.begin_undo(tx, step_record)
        return order, step_record

    def _revert(
        self, tx: Session, order: OrderRow, step: Reversible[C, R], command: C, step_record: StepRecordRow
    ) -> None:
        """Restore our own rows, once: a repeated undo finds when they were restored."""
        if step_record.result is not None and step_record.withdrawn_at is None:
            result = from_document(step.result_type, step_record.result)
            step.revert(self.context, tx, order, command, result)

    def _without_false_statement(self, step: Step[C, R], command: C) -> C:
        """Return a command without the statement that it was done by hand, if the step is in our own database.

        What is in our own database is done by this step alone, whatever an old history says.
        """
        if command.done_by_hand_reason is None or step.calls_outside(self.context):
            return command
        log.warning("statement of a step done by hand ignored", extra={"step": step.name})
        return command.model_copy(update={"done_by_hand_reason": None, "done_by_hand_by": ()})

    def _record_started(self, tx: Session, order: OrderRow, new: NewRecord) -> StepRecordRow:
        return step_records.record_started(tx, order.tenant, new, self._store.now())

    def _record_done(self, tx: Session, order: OrderRow, step: Step[C, R], command: C, response: Any) -> R:
        result = step.record(self.context, tx, order, command, response)
        step_records.finish(tx, command.key, to_document(result), None, self._store.now())
        if not step.has_moves:
            record_done_by_hand(tx, order, command, step.name, self._store.now())
        return result

    def _record_refusal(self, step: Step[C, R], command: C, error: Refusal | ProviderError) -> R:
        refusal = refusal_in(error) if isinstance(error, ProviderError) else error
        if refusal is None:
            raise error
        with self._store.write() as tx:
            order, found = lock_order(tx, command.order), step_records.find(tx, command.key)
            # What is refused moves and holds nothing.
            step_record = found or self._record_started(tx, order, NewRecord(command, step.undo_name))
            first = _first_result(step_record, step)
            if first is not None:
                return first
            step_records.finish(tx, step_record.key, None, dump_refusal(refusal), self._store.now())
        raise refusal


def _first_result(step_record: StepRecordRow | RecordedState, step: Step[C, R]) -> R | None:
    if step_records.undo_begun(step_record.state):
        raise WithdrawnError
    if step_record.state != StepState.DONE:
        return None
    if step_record.refusal is not None:
        if isinstance(step, Final):
            return None  # recorded by a release in which it could be refused: it is asked again
        raise load_refusal(step_record.refusal)
    return from_document(step.result_type, step_record.result or "")
