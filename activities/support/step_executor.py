"""Runs steps so that each happens at most once per key, however often and however late it is called."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.errors import WithdrawnError, dump_refusal, load_refusal, refusal_in
from activities.support.step_kinds import Command, Nothing
from domain.changes import ChangeState
from domain.dual_control import TEMPORAL
from domain.refusals import Refusal
from providers.errors import ProviderError
from store.changes import changes, step_records
from store.changes.step_records import RecordedState, StepState
from store.database.store import Store
from store.orders.events import Data, EventType, append
from store.orders.orders import lock_order, write_order
from store.tables import OrderRow, StepRecordRow

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")


class ExternalSystem(Protocol):
    """A provider, seen only as embedded or external."""

    @property
    def external(self) -> bool:
        """Whether the provider keeps its data outside our database."""


class StepExecutor:
    """At most one effect per key: its record is started, then done or withdrawn, and its first result stays.

    A caller with the same key gets that first result, or the refusal, again.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def run_local(self, command: Command, result_type: type[R], execute: Callable[[Session, OrderRow], R]) -> R:
        """Run a step that changes only our store; its changes and its record commit together."""
        return self.run(command, result_type, None, lambda _: None, lambda tx, order, _: execute(tx, order))

    def run(
        self,
        command: Command,
        result_type: type[R],
        provider: ExternalSystem | None,
        call: Callable[[OrderRow], T],
        record: Callable[[Session, OrderRow, T], R],
        undo_call: Callable[[OrderRow], None] | None = None,
        precheck: Callable[[Session, OrderRow], None] | None = None,
    ) -> R:
        """Call a provider under the command's key and record the result.

        If `precheck` raises, the provider is not called. An embedded provider joins the transaction. For an external
        one, STARTED is committed before the call and DONE after it; if the key was withdrawn meanwhile, the call is
        undone at once. Raises the first refusal of the step again, and WithdrawnError under a withdrawn key.
        """
        try:
            if provider is not None and provider.external:
                return self._run_external(command, result_type, call, record, undo_call, precheck)
            return self._run_embedded(command, result_type, call, record, precheck)
        except (Refusal, ProviderError) as error:
            return self._record_refusal(command, result_type, error)

    def _run_embedded(
        self,
        command: Command,
        result_type: type[R],
        call: Callable[[OrderRow], T],
        record: Callable[[Session, OrderRow, T], R],
        precheck: Callable[[Session, OrderRow], None] | None,
    ) -> R:
        """Run the step in one transaction, which begins by reading the step's record and ends by writing it."""
        while True:
            # After a concurrent duplicate, the next iteration finds its record.
            with suppress(step_records.ConcurrentDuplicateError), self.store.write() as tx:
                order, step_record = step_records.lock_order_and_step(tx, command)
                first = _first_result(step_record, result_type) if step_record else None
                if first is not None:
                    return first
                if precheck:
                    precheck(tx, order)
                result = record(tx, order, call(order))
                self._record_done_by_hand(tx, order, command)
                tx.flush()
                write_order(tx, order)
                now = self.store.now()
                step_records.record_done(
                    tx, order.tenant, command, result.model_dump_json(), now, started=step_record is not None
                )
                return result

    def _run_external(
        self,
        command: Command,
        result_type: type[R],
        call: Callable[[OrderRow], T],
        record: Callable[[Session, OrderRow, T], R],
        undo_call: Callable[[OrderRow], None] | None,
        precheck: Callable[[Session, OrderRow], None] | None,
    ) -> R:
        with self.store.write() as tx:
            order, step_record, fresh = self._record_started(tx, command)
            first = _first_result(step_record, result_type)
            # A step that was started before has passed its precheck then, and may hold seats by now.
            if fresh and precheck:
                precheck(tx, order)
        if first is not None:
            return first
        response = call(order)
        with self.store.write() as tx:
            order, step_record, _ = self._record_started(tx, command)
            if step_record.state != StepState.WITHDRAWN:
                first = _first_result(step_record, result_type)
                return (
                    first if first is not None else self._record_done(tx, order, command, record(tx, order, response))
                )
        if undo_call:
            undo_call(order)
        raise WithdrawnError

    def undo(
        self,
        command: Command,
        revert: Callable[[Session, OrderRow, str], None],
        provider: ExternalSystem | None = None,
        undo_call: Callable[[OrderRow], None] | None = None,
    ) -> Nothing:
        """Withdraw a step's key permanently, and undo the step's effects, if it had any.

        `revert` restores our own rows, given the step's recorded result. `undo_call` calls the provider, by key, so
        that the call may be repeated.
        """
        external = provider is not None and provider.external
        with self.store.write() as tx:
            order = lock_order(tx, command.order)
            now = self.store.now()
            before, step_record = step_records.withdraw(tx, order.tenant, command.step, command, now)
            if before is StepState.DONE and step_record.result is not None:
                revert(tx, order, step_record.result)
            if undo_call and not external and command.done_by_hand_reason is None:
                undo_call(order)
            self._record_done_by_hand(tx, order, command)
            changes.set_state(tx, command.change, ChangeState.UNDOING)
        if undo_call and external and command.done_by_hand_reason is None:
            undo_call(order)
        return Nothing()

    def _record_started(self, tx: Session, command: Command) -> tuple[OrderRow, StepRecordRow, bool]:
        order = lock_order(tx, command.order)
        return order, *step_records.record_started(tx, order.tenant, command.step, command, self.store.now())

    def _record_done(self, tx: Session, order: OrderRow, command: Command, result: R) -> R:
        step_records.finish(tx, command.key, result.model_dump_json(), None, self.store.now())
        self._record_done_by_hand(tx, order, command)
        return result

    def _record_done_by_hand(self, tx: Session, order: OrderRow, command: Command) -> None:
        if command.done_by_hand_reason is not None:
            actor, *earlier = command.done_by_hand_by or (TEMPORAL,)
            confirmed: Data = {"confirmed_by": earlier} if earlier else {}
            data = {"step": command.step, "reason": command.done_by_hand_reason, "actor": actor, **confirmed}
            append(tx, order, EventType.DONE_BY_HAND, command.change, self.store.now(), data)

    def _record_refusal(self, command: Command, result_type: type[R], error: Refusal | ProviderError) -> R:
        refusal = refusal_in(error) if isinstance(error, ProviderError) else error
        if refusal is None:
            raise error
        with self.store.write() as tx:
            _, step_record, _ = self._record_started(tx, command)
            first = _first_result(step_record, result_type)
            if first is not None:
                return first
            step_records.finish(tx, step_record.key, None, dump_refusal(refusal), self.store.now())
        raise refusal


def _first_result(step_record: StepRecordRow | RecordedState, result_type: type[R]) -> R | None:
    if step_record.state == StepState.WITHDRAWN:
        raise WithdrawnError
    if step_record.state != StepState.DONE:
        return None
    if step_record.refusal is not None:
        raise load_refusal(step_record.refusal)
    return result_type.model_validate_json(step_record.result or "")
