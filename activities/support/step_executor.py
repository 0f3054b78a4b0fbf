"""Runs steps so that each happens at most once per key, whoever asks how often and how late."""

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
from store.changes.step_records import Known, StepState
from store.database.store import Store
from store.orders.events import Data, EventType, append
from store.orders.orders import lock_order, write_order
from store.tables import OrderRow, StepRecordRow

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")


class ExternalSystem(Protocol):
    """A provider, as far as it matters where it lives."""

    @property
    def external(self) -> bool:
        """Whether it leaves our database."""


class StepExecutor:
    """At most one effect per key: asked, then done or withdrawn, and the first answer for everybody."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def run_local(self, command: Command, answer: type[R], act: Callable[[Session, OrderRow], R]) -> R:
        """Run a step that touches nothing but our store; its answer and its memory commit together."""
        return self.run(command, answer, None, lambda _: None, lambda tx, order, _: act(tx, order))

    def run(
        self,
        command: Command,
        answer: type[R],
        provider: ExternalSystem | None,
        call: Callable[[OrderRow], T],
        record: Callable[[Session, OrderRow, T], R],
        undo_call: Callable[[OrderRow], None] | None = None,
        precheck: Callable[[Session, OrderRow], None] | None = None,
    ) -> R:
        """Ask a provider under the command's key and note what it did.

        What `admit` refuses is asked of nobody. An embedded provider joins the transaction. For one outside,
        asked is committed before the call and done after it; a call that lands after its undo is taken back
        again. Raises the refusal the step was first answered with, and WithdrawnError under a withdrawn key.
        """
        try:
            if provider is not None and provider.external:
                return self._run_external(command, answer, call, record, undo_call, precheck)
            return self._run_embedded(command, answer, call, record, precheck)
        except (Refusal, ProviderError) as error:
            return self._record_refusal(command, answer, error)

    def _run_embedded(
        self,
        command: Command,
        answer: type[R],
        call: Callable[[OrderRow], T],
        record: Callable[[Session, OrderRow, T], R],
        precheck: Callable[[Session, OrderRow], None] | None,
    ) -> R:
        """Do it all in one transaction, which begins with what is known and ends with what was done."""
        while True:
            # A twin is seen at the latest when we look again.
            with suppress(step_records.ConcurrentDuplicateError), self.store.write() as tx:
                order, effect = step_records.lock_order_and_step(tx, command)
                known = _first_result(effect, answer) if effect else None
                if known is not None:
                    return known
                if precheck:
                    precheck(tx, order)
                result = record(tx, order, call(order))
                self._record_done_by_hand(tx, order, command)
                tx.flush()
                write_order(tx, order)
                now = self.store.now()
                step_records.record_done(
                    tx, order.tenant, command, result.model_dump_json(), now, asked=effect is not None
                )
                return result

    def _run_external(
        self,
        command: Command,
        answer: type[R],
        call: Callable[[OrderRow], T],
        record: Callable[[Session, OrderRow, T], R],
        undo_call: Callable[[OrderRow], None] | None,
        precheck: Callable[[Session, OrderRow], None] | None,
    ) -> R:
        with self.store.write() as tx:
            order, effect, fresh = self._record_started(tx, command)
            known = _first_result(effect, answer)
            # Asked before, it was admitted then, and seats may be held by now.
            if fresh and precheck:
                precheck(tx, order)
        if known is not None:
            return known
        heard = call(order)
        with self.store.write() as tx:
            order, effect, _ = self._record_started(tx, command)
            if effect.state != StepState.WITHDRAWN:
                known = _first_result(effect, answer)
                return known if known is not None else self._record_done(tx, order, command, record(tx, order, heard))
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
        """Withdraw a step's key for ever, and reverse what it did, if it did anything.

        `reverse` mends our own rows, given the step's answer; `take_back` tells the provider, by key,
        so that it may be told again.
        """
        outside = provider is not None and provider.external
        with self.store.write() as tx:
            order = lock_order(tx, command.order)
            now = self.store.now()
            before, effect = step_records.withdraw(tx, order.tenant, command.step, command, now)
            if before is StepState.DONE and effect.result is not None:
                revert(tx, order, effect.result)
            if undo_call and not outside and command.done_by_hand_reason is None:
                undo_call(order)
            self._record_done_by_hand(tx, order, command)
            changes.set_state(tx, command.change, ChangeState.UNDOING)
        if undo_call and outside and command.done_by_hand_reason is None:
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
            who, *before = command.done_by_hand_by or (TEMPORAL,)
            agreed: Data = {"confirmed_by": before} if before else {}
            data = {"step": command.step, "reason": command.done_by_hand_reason, "actor": who, **agreed}
            append(tx, order, EventType.DONE_BY_HAND, command.change, self.store.now(), data)

    def _record_refusal(self, command: Command, answer: type[R], error: Refusal | ProviderError) -> R:
        refusal = refusal_in(error) if isinstance(error, ProviderError) else error
        if refusal is None:
            raise error
        with self.store.write() as tx:
            _, effect, _ = self._record_started(tx, command)
            known = _first_result(effect, answer)
            if known is not None:
                return known
            step_records.finish(tx, effect.key, None, dump_refusal(refusal), self.store.now())
        raise refusal


def _first_result(effect: StepRecordRow | Known, answer: type[R]) -> R | None:
    if effect.state == StepState.WITHDRAWN:
        raise WithdrawnError
    if effect.state != StepState.DONE:
        return None
    if effect.refusal is not None:
        raise load_refusal(effect.refusal)
    return answer.model_validate_json(effect.result or "")
