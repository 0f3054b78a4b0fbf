"""Runs steps so that each happens at most once per key, whoever asks how often and how late."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.errors import WithdrawnError, read_back, refusal_in, written
from activities.support.step_kinds import Command, Nothing
from domain.changes import ChangeState
from domain.dual_control import TEMPORAL
from domain.refusals import Refusal
from providers.errors import ProviderError
from store.changes import changes
from store.changes import step_records as effects
from store.changes.step_records import EffectState, Known
from store.database.store import Store
from store.orders.events import Data, EventType, append
from store.orders.orders import locked, write_order
from store.tables import EffectRow, OrderRow

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")


class Outside(Protocol):
    """A provider, as far as it matters where it lives."""

    @property
    def outside(self) -> bool:
        """Whether it leaves our database."""


class Once:
    """At most one effect per key: asked, then done or withdrawn, and the first answer for everybody."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def check(self, command: Command, answer: type[R], act: Callable[[Session, OrderRow], R]) -> R:
        """Run a step that touches nothing but our store; its answer and its memory commit together."""
        return self.step(command, answer, None, lambda _: None, lambda tx, order, _: act(tx, order))

    def step(
        self,
        command: Command,
        answer: type[R],
        provider: Outside | None,
        call: Callable[[OrderRow], T],
        note: Callable[[Session, OrderRow, T], R],
        take_back: Callable[[OrderRow], None] | None = None,
        admit: Callable[[Session, OrderRow], None] | None = None,
    ) -> R:
        """Ask a provider under the command's key and note what it did.

        What `admit` refuses is asked of nobody. An embedded provider joins the transaction. For one outside,
        asked is committed before the call and done after it; a call that lands after its undo is taken back
        again. Raises the refusal the step was first answered with, and WithdrawnError under a withdrawn key.
        """
        try:
            if provider is not None and provider.outside:
                return self._outside(command, answer, call, note, take_back, admit)
            return self._inside(command, answer, call, note, admit)
        except (Refusal, ProviderError) as error:
            return self._refused(command, answer, error)

    def _inside(
        self,
        command: Command,
        answer: type[R],
        call: Callable[[OrderRow], T],
        note: Callable[[Session, OrderRow, T], R],
        admit: Callable[[Session, OrderRow], None] | None,
    ) -> R:
        """Do it all in one transaction, which begins with what is known and ends with what was done."""
        while True:
            # A twin is seen at the latest when we look again.
            with suppress(effects.TwinError), self.store.write() as tx:
                order, effect = effects.locked(tx, command)
                known = _known(effect, answer) if effect else None
                if known is not None:
                    return known
                if admit:
                    admit(tx, order)
                result = note(tx, order, call(order))
                self._by_hand(tx, order, command)
                tx.flush()
                write_order(tx, order)
                now = self.store.now()
                effects.remember(tx, order.tenant, command, result.model_dump_json(), now, asked=effect is not None)
                return result

    def _outside(
        self,
        command: Command,
        answer: type[R],
        call: Callable[[OrderRow], T],
        note: Callable[[Session, OrderRow, T], R],
        take_back: Callable[[OrderRow], None] | None,
        admit: Callable[[Session, OrderRow], None] | None,
    ) -> R:
        with self.store.write() as tx:
            order, effect, fresh = self._ask(tx, command)
            known = _known(effect, answer)
            # Asked before, it was admitted then, and seats may be held by now.
            if fresh and admit:
                admit(tx, order)
        if known is not None:
            return known
        heard = call(order)
        with self.store.write() as tx:
            order, effect, _ = self._ask(tx, command)
            if effect.state != EffectState.WITHDRAWN:
                known = _known(effect, answer)
                return known if known is not None else self._done(tx, order, command, note(tx, order, heard))
        if take_back:
            take_back(order)
        raise WithdrawnError

    def undo(
        self,
        command: Command,
        reverse: Callable[[Session, OrderRow, str], None],
        provider: Outside | None = None,
        take_back: Callable[[OrderRow], None] | None = None,
    ) -> Nothing:
        """Withdraw a step's key for ever, and reverse what it did, if it did anything.

        `reverse` mends our own rows, given the step's answer; `take_back` tells the provider, by key,
        so that it may be told again.
        """
        outside = provider is not None and provider.outside
        with self.store.write() as tx:
            order = locked(tx, command.order)
            now = self.store.now()
            before, effect = effects.withdraw(tx, order.tenant, command.step, command, now)
            if before is EffectState.DONE and effect.answer is not None:
                reverse(tx, order, effect.answer)
            if take_back and not outside and command.by_hand is None:
                take_back(order)
            self._by_hand(tx, order, command)
            changes.set_state(tx, command.change, ChangeState.UNDOING)
        if take_back and outside and command.by_hand is None:
            take_back(order)
        return Nothing()

    def _ask(self, tx: Session, command: Command) -> tuple[OrderRow, EffectRow, bool]:
        order = locked(tx, command.order)
        return order, *effects.ask(tx, order.tenant, command.step, command, self.store.now())

    def _done(self, tx: Session, order: OrderRow, command: Command, result: R) -> R:
        effects.finish(tx, command.key, result.model_dump_json(), None, self.store.now())
        self._by_hand(tx, order, command)
        return result

    def _by_hand(self, tx: Session, order: OrderRow, command: Command) -> None:
        if command.by_hand is not None:
            who, *before = command.by_whom or (TEMPORAL,)
            agreed: Data = {"agreed_with": before} if before else {}
            data = {"step": command.step, "reason": command.by_hand, "who": who, **agreed}
            append(tx, order, EventType.DONE_BY_HAND, command.change, self.store.now(), data)

    def _refused(self, command: Command, answer: type[R], error: Refusal | ProviderError) -> R:
        refusal = refusal_in(error) if isinstance(error, ProviderError) else error
        if refusal is None:
            raise error
        with self.store.write() as tx:
            _, effect, _ = self._ask(tx, command)
            known = _known(effect, answer)
            if known is not None:
                return known
            effects.finish(tx, effect.key, None, written(refusal), self.store.now())
        raise refusal


def _known(effect: EffectRow | Known, answer: type[R]) -> R | None:
    if effect.state == EffectState.WITHDRAWN:
        raise WithdrawnError
    if effect.state != EffectState.DONE:
        return None
    if effect.refusal is not None:
        raise read_back(effect.refusal)
    return answer.model_validate_json(effect.answer or "")
