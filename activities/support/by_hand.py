"""Records that operators have done a step, or one move of it, by hand at its provider."""

from datetime import datetime

from sqlmodel import Session

from activities.support.step_kinds import Command
from domain.dual_control import TEMPORAL
from store.changes import operator_statements
from store.orders.events import Data, EventType, append
from store.tables import OrderRow


def record_done_by_hand(
    tx: Session, order: OrderRow, command: Command, act: str, now: datetime, move: int | None = None
) -> None:
    """Append an event that names the act and the operators, if they have done it; `move` is the number of a move."""
    if command.done_by_hand_reason is not None:
        actor, *earlier = command.done_by_hand_by or (TEMPORAL,)
        confirmed: Data = {"confirmed_by": earlier} if earlier else {}
        number: Data = {"move": move} if move is not None else {}
        data = {"step": act, "reason": command.done_by_hand_reason, "actor": actor, **confirmed, **number}
        append(tx, order, EventType.DONE_BY_HAND, command.change, now, data)


def is_next_move_done(tx: Session, command: Command) -> bool:
    """Whether operators state that the move which comes next was made by hand.

    A statement is about one move: a retry of the attempt that has used it says nothing about the move after it.
    """
    if command.done_by_hand_reason is None:
        return False
    actor = command.done_by_hand_by[0] if command.done_by_hand_by else TEMPORAL
    about = {"step": command.step, "reason": command.done_by_hand_reason, "actor": actor}
    return operator_statements.is_unused(tx, command.order, command.change, about)
