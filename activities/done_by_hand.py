"""Sees whether a stuck step may be taken for done by hand: by whom it was said, and whether that is enough."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.payments import SettlePriceDifference, to_settle
from activities.support.step_executor import Once
from activities.support.step_kinds import Command
from domain.dual_control import AGREED_WITHIN, NOBODY, TEMPORAL, Alone, others
from domain.money import Money, total
from domain.refusals import SecondPersonNeeded
from store.changes import operator_statements as sayings
from store.changes.operator_statements import Said
from store.orders.events import EventType
from store.orders.orders import locked
from store.tables import OrderRow
from temporal.names import StepName


class TakeByHand(Command):
    """Take a stuck step for done by hand."""

    step: ClassVar[str] = StepName.CHECK_DONE_BY_HAND
    part: ClassVar[str] = "by-hand"
    stuck: str
    """The activity that is stuck."""
    since: datetime
    amount: Money | None = None
    """What it moves, where its own command says so."""
    said: int | None = None
    """The order's event by which a client of ours said so; none for an update of Temporal's own."""
    reason: str = ""

    def summary(self) -> str:
        """Say what is taken for done."""
        return f"{self.stuck} is said to be done by hand"


class TakenByHand(BaseModel):
    """What is recorded when our books are mended."""

    reason: str
    by_whom: tuple[str, ...] = ()
    """Last first; empty when what was said is too old, or about another step: then nothing is taken for done."""


class ByHandActivities:
    """Hears what people say they did."""

    def __init__(self, once: Once, alone: Alone) -> None:
        self._once = once
        self._alone = alone

    @activity.defn(name=StepName.CHECK_DONE_BY_HAND, no_thread_cancel_exception=True)
    def take_by_hand(self, command: TakeByHand) -> TakenByHand:
        """Return who says so, and why. Raises SecondPersonNeeded above what one person may say alone.

        People are those the API let in and wrote down. An update of Temporal's own names nobody: whatever it says of
        itself, it is nobody's word, and above the limit not even one of two.
        """
        store = self._once.store
        with store.write() as tx:
            order = locked(tx, command.order)
            after = store.now() - AGREED_WITHIN
            said = sayings.said_done(tx, order.number, command.stuck, command.since, after)
            amount = _moved(tx, order, command)
        who, reason = TEMPORAL, command.reason
        if command.said is not None:
            with store.read() as tx:
                mine = sayings.of_number(tx, command.order, command.said, EventType.SAID_DONE_BY_HAND)
            if mine is None or mine.at <= after or not mine.saying.is_about(command.stuck, command.since):
                return TakenByHand(reason=reason)
            who, reason = mine.saying.who, mine.saying.reason
        if amount is None or self._alone.may(amount, who):
            return TakenByHand(reason=reason, by_whom=(who,))
        return _by_two(who, reason, said)


def _by_two(who: str, reason: str, said: list[Said]) -> TakenByHand:
    before = others((each.saying.who for each in said), who)
    if who in NOBODY or not before:
        raise SecondPersonNeeded
    return TakenByHand(reason=reason, by_whom=(who, before[0]))


def _moved(tx: Session, order: OrderRow, command: TakeByHand) -> Money | None:
    if command.stuck != SettlePriceDifference.step:
        return command.amount
    return total((move.amount for move in to_settle(tx, order)), order.currency)
